//! The OpenAPI document of the HTTP API, made of the code. Routes and summaries are the first lines of the functions, requests'
//! examples the bodies of their events, limits those of the types that parse, errors what the functions' own errors answer.
//! Bodies are described here, family by family; tests/openapi holds every answer of the black-box tests against them.

#![expect(dead_code, reason = "schemas are derived of structs that nobody makes")]

mod accounts;
mod communities;
mod constants;
mod document;
mod examples;
mod function;
mod inbox;
mod joined;
mod limits;
mod links;
mod notifications;
mod numbers;
mod operation;
mod private;
mod repeated;
mod shape;
mod types;

pub use document::{document, text};
