//! The embedded S3 from outside: with Amazon's own client, and with raw HTTP where that client is too well-behaved.

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
