//! What every function stands on. ARCHITECTURE.md has the map; floors, from the top, each knowing only those under it:
//! auth, http, app, limits, then store, cards, passwords, png, tokens, then aws, config, log, tally, types.

pub mod app;
pub mod auth;
mod aws;
pub mod cards;
mod config;
pub mod http;
pub mod limits;
mod log;
pub mod passwords;
pub mod png;
pub mod shared_message;
pub mod store;
mod tally;
pub mod tokens;
pub mod types;

/// What an endpoint is written with.
pub mod prelude {
    pub use futures_util::{join, try_join};
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::json;

    pub use crate::{
        app::App,
        auth::{Admitted, LinkOwner},
        cards::{self, Cards},
        http::{LinkBody, LinksError, Reply, Request},
        lambda,
        limits::Limit,
        passwords::SecretHash,
        png::{NotACard, clean_card},
        shared_message::SharedMessage,
        store::{self, Guards, Link, LinkChanges, LinkMessage, LinkStatus},
        tokens::{AdminToken, Purpose, random},
        types::*,
    };
}

/// Makes a Lambda function of an endpoint's `handle`.
#[macro_export]
macro_rules! lambda {
    ($handle:ident) => {
        fn main() -> std::process::ExitCode {
            $crate::http::run($handle)
        }
    };
}
