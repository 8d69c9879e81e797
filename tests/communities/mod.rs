//! Communities: section 5 of the contract.

mod blocking;
mod callers;
mod contents;
mod deletion;
mod erasure;
mod founding;
mod idempotency;
mod listing;
mod membership;
mod pages;
mod races;
mod recipients;
pub mod steps;
mod under_load;
