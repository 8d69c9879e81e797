//! The local stack: the whole product on a laptop, as template.yaml declares it. It is never deployed.
//!
//! It stands in for AWS. It creates the template's tables, buckets and queues. It serves the template's routes as an API
//! Gateway HTTP API does. It starts the real binaries of functions on demand, behind a Lambda Runtime API. It invokes functions
//! with the changes of tables. It puts mails and push messages into an outbox.
//!
//! The code knows no endpoint of the product. README.md tells how to use it.

mod buckets;
mod cdn;
mod cors;
mod deployment;
mod dynamodb;
mod environment;
mod error;
mod event;
mod functions;
mod gateway;
mod http;
mod instance;
mod intrinsics;
mod logs;
mod network;
mod outbox;
mod parameters;
mod pool;
mod push;
mod queues;
mod reply;
mod resources;
mod routes;
mod runtime;
mod secrets;
mod services;
mod ses;
mod stack;
mod state;
mod store_only;
mod streams;
mod tables;
mod tasks;
mod template;
mod times;

pub mod builds;
pub mod objects;

pub use error::Error;
pub use logs::{Line, Logs, Reader};
pub use outbox::Outbox;
pub use queues::{Message, Queues};
pub use services::Endpoints;
pub use stack::{Options, Stack};
pub use state::State;
pub use store_only::{StoreOnly, StoreOptions};

/// The access key id of the embedded services.
pub const ACCESS_KEY: &str = "SOTTOLOCAL";
/// The secret access key of the embedded services. It protects nothing: they listen on loopback, unless somebody chooses
/// another address.
pub const SECRET_KEY: &str = "sotto-local-secret";
/// The region of the local stack.
pub const REGION: &str = "us-east-1";
/// The AWS account of the local stack.
pub const ACCOUNT: &str = "000000000000";
