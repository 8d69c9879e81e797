//! HTTP as functions see it: requests that parse themselves, replies, and one table of errors per family.

mod accounts;
mod communities;
mod document;
mod json;
mod links;
mod multipart;
mod notifications;
mod page;
mod pagination;
mod private;
mod problem;
mod reply;
mod request;
mod serve;
mod tasks;
mod worker;

pub use accounts::{AccountsError, NotSent};
pub use communities::{CommunitiesError, Undelivered};
pub use links::LinksError;
pub use multipart::Form;
pub use notifications::NotificationsError;
pub use page::{PageError, PageOrJson};
pub use pagination::{NumberedPagination, Pagination};
pub use private::{PrivateError, processed};
pub use problem::{FamilyError, Problem};
pub use reply::Reply;
pub use request::Request;
pub use serve::{run, run_document};
pub use tasks::{NotDone, Outcome, run as run_tasks};
pub use worker::run as run_worker;
