//! HTTP as functions see it: requests that parse themselves, replies, and one table of errors per family.

mod json;
mod links;
mod multipart;
mod problem;
mod reply;
mod request;
mod serve;

pub use links::{LinkBody, LinksError};
pub use multipart::Form;
pub use problem::{FamilyError, Problem};
pub use reply::Reply;
pub use request::Request;
pub use serve::run;
