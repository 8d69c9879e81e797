//! Anonymous links, one file per area of their contract.

mod bodies;
mod caps;
mod card_errors;
mod cards;
mod counting;
mod create;
mod delete;
mod gateway;
mod idempotency;
mod limits;
mod listing;
mod logs;
mod pins;
mod read;
mod schedule;
mod send;
mod shared_message;
mod storage;
mod texts;
mod update;
