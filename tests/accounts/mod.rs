//! Accounts and sessions: section 1 of the contract.

mod addresses;
mod attempts;
mod bodies;
mod ceilings;
mod changes;
mod check_username;
mod codes;
mod cross_site;
mod deletion;
mod devices;
mod guesses;
mod one_account;
mod otp_limits;
mod repeats;
mod resets;
mod send_otp;
mod sessions;
mod sign_in;
mod sign_up;
mod steps;
mod store;
mod tokens;
