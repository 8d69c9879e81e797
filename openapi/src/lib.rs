//! The OpenAPI document of the HTTP API, made of the code. Routes and summaries are the first lines of the functions, requests'
//! examples are the bodies of their events, bodies are the types in shared/src/bodies, errors are what the functions' own errors answer.
//! Here stands which function takes and gives which. tests/openapi holds every answer of the black-box tests against the document.

mod accounts;
mod communities;
mod document;
mod examples;
mod function;
mod inbox;
mod limits;
mod links;
mod next;
mod notifications;
mod operation;
mod private;
mod repeated;
mod shape;
mod tables;

pub use document::{document, text};
pub use tables::filled_in;
