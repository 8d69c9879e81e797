//! Black-box tests of the embedded S3, with Amazon's client, and with raw HTTP for requests that this client doesn't make.

#![allow(clippy::unwrap_used)] // a test fails by panicking

mod copies;
mod cors;
mod digests;
mod directory;
mod downloads;
mod keys;
mod lists;
mod memory;
mod objects;
mod reads;
mod signatures;
mod support;
mod uploads;
mod writes;
