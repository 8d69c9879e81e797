//! What people are told by mail and by push: everything goes through the table's stream and the real worker.

mod digest;
mod outage;
mod poison;
mod push;
mod recipients;
mod steps;
