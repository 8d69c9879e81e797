//! Private messages: section 4 of the contract.

mod media;
mod sending;
