//! Accounts and sessions: section 1 of the contract.
