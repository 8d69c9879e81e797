//! Black-box tests: they talk HTTP to the whole product and know nothing of its insides.
//!
//! They start the local stack in memory. With `BASE_URL` set they test the product at that URL and start nothing. Tests that
//! look behind HTTP (logs, processes, the table) are skipped then.

mod accounts;
mod communities;
mod events;
mod faults;
mod guards;
mod inbox;
mod journeys;
mod limits;
mod links;
mod notifications;
mod notify;
mod openapi;
mod private;
mod starts;
mod support;
mod walks;
