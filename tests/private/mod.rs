//! Private messages: section 4 of the contract.

mod blocking;
mod blocks;
mod callers;
mod contents;
mod conversations;
mod deletion;
mod idempotency;
mod limits;
mod listing;
mod logs;
mod long;
mod marks;
mod media;
mod nothing;
mod races;
mod sending;
pub mod steps;
mod targets;
