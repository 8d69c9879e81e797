//! The anonymous inbox: section 2 of the contract.

mod send;
