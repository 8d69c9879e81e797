//! Telling people of what was written to them.

mod notify;

pub use notify::notify;
