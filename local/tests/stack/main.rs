//! Black-box tests of the local stack, over HTTP, with a template and a function of its own.

#![allow(clippy::unwrap_used)] // a test fails by panicking

mod cli;
mod functions;
mod gateway;
mod lanes;
mod mail;
mod push;
mod queues;
mod shards;
mod store_only;
mod stores;
mod streams;
mod support;
