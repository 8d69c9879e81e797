//! The local stack: the whole product on a laptop, as template.yaml declares it. It is never deployed.
//!
//! It makes the tables, buckets and queues of the template, starts each function's real binary on demand behind a Lambda
//! Runtime API, serves the template's routes as an API Gateway HTTP API would, and hands the changes of tables to the
//! functions on their streams. What functions mail, and push, goes into an outbox. It knows no endpoint by itself.

mod buckets;
mod cdn;
mod cors;
mod dynamodb;
mod error;
mod event;
mod functions;
mod gateway;
mod ground;
mod http;
mod instance;
mod intrinsics;
mod life;
mod logs;
mod outbox;
mod parameters;
mod pool;
mod push;
mod queues;
mod reach;
mod reply;
mod resources;
mod routes;
mod runtime;
mod secrets;
mod ses;
mod stack;
mod store_only;
mod stores;
mod streams;
mod tables;
mod template;
mod times;

pub mod builds;
pub mod objects;

pub use error::Error;
pub use logs::{Line, Logs, Reader};
pub use outbox::Outbox;
pub use queues::{Message, Queues};
pub use stack::{Options, Stack, State};
pub use store_only::{StoreOnly, StoreOptions};
pub use stores::Endpoints;

/// The access key id of the stack's own stores.
pub const ACCESS_KEY: &str = "SOTTOLOCAL";
/// The secret access key of the stack's own stores. It guards nothing: they listen on loopback, or where somebody asks them to.
pub const SECRET_KEY: &str = "sotto-local-secret";
/// The region that the stack pretends to be in.
pub const REGION: &str = "us-east-1";
/// The account that the stack pretends to belong to.
pub const ACCOUNT: &str = "000000000000";
