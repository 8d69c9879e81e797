//! The black-box tests: they talk HTTP to the whole product and know nothing of its insides.
//!
//! They start the local stack in memory by themselves. With `BASE_URL` set they use that one instead and start nothing;
//! what looks behind HTTP (logs, processes, the table) is skipped then.

mod accounts;
mod communities;
mod costs;
mod events;
mod faults;
mod guards;
mod inbox;
mod journeys;
mod links;
mod notifications;
mod notify;
mod openapi;
mod private;
mod rights;
mod starts;
mod support;
