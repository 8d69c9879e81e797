//! Notifications by mail and by push, through the table's stream and the real worker.

mod digest;
mod outage;
mod poison;
mod push;
mod queues;
mod recipients;
mod steps;
