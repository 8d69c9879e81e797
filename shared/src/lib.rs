//! The crate that every function uses. ARCHITECTURE.md has the map. The modules lie in layers, listed here from the top. A module uses
//! only the layers below its own and its own layer, never one above.
//!
//! * `accounts`, `communities`, `links`, `notifications`, `private`: what several endpoints of one family do alike.
//! * `creation`: requests that create something, once per idempotency key and within their limits.
//! * `auth`: who may act, as types that only a check can make.
//! * `http`: requests, replies, each family's errors, the frame around every endpoint.
//! * `app`: everything that is made once per cold start.
//! * `bodies`: the JSON that functions parse and answer.
//! * `limits`: every rate limit.
//! * `bucket`, `mail`, `passwords`, `png`, `push`, `queue`, `sessions`, `store`, `tokens`, `vapid`: services and secrets.
//! * `aws`, `client`, `config`, `error`, `html`, `log`, `media`, `stats`, `types`: the basics.

pub mod accounts;
pub mod app;
pub mod auth;
mod aws;
pub mod bodies;
pub mod bucket;
pub mod client;
pub mod communities;
mod config;
pub mod creation;
mod error;
mod html;
pub mod http;
pub mod limits;
pub mod links;
mod log;
pub mod mail;
pub mod media;
pub mod notifications;
pub mod passwords;
pub mod png;
pub mod private;
mod push;
mod queue;
pub mod sessions;
mod stats;
pub mod store;
pub mod tokens;
pub mod types;
pub mod vapid;

pub use config::Requirements;

/// The names that every endpoint uses.
pub mod prelude {
    pub use futures_util::{TryFutureExt, future::OptionFuture, join, try_join};
    pub use http::StatusCode;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::json;

    pub use crate::{
        accounts::{BadAddress, MAIL_PATIENCE, codes_to, mail_code, mail_counted_code, may_mail_code},
        app::App,
        auth::{
            Authenticated, Caller, LinkOwner, LoginTarget, PinAttempt, TrustedCaller, Unsubscriber, UnverifiedSession,
            check_code, confirm_and_read, end_session, signed_in, slug_claim,
        },
        bodies::*,
        bucket::{
            attachments::UPLOAD_WITHIN,
            cards::{self, Cards},
        },
        communities::{CommunityAccess, MemberPair},
        creation::{Begun, Creation, NewRequest},
        http::{
            AccountsError, CommunitiesError, LinksError, NotSent, NotificationsError, NumberedPagination, PageError,
            PageOrJson, Pagination, PrivateError, Problem, Reply, Request, Undelivered, processed,
        },
        lambda,
        limits::Limit,
        links::SharedMessage,
        mail::EmailMessage,
        passwords::SecretHash,
        png::{NotACard, clean_card},
        private::{Outgoing, Recipient, mark_upto},
        store::{
            self, Account, AccountStatus, CodeFor, CodeTried, Community, CommunityMessage, Device, InboxMessage, Link,
            LinkChanges, LinkMessage, LinkStatus, Mark, Member, OneTimeCode, PrivateMessage, StoreError, UsernameClaim,
            Written,
        },
        tokens::{AdminToken, random},
        types::*,
    };
}

/// Makes a Lambda function of an endpoint's `handle`. The words after it name what the endpoint needs besides the table and the keys: fields
/// of [`Requirements`].
#[macro_export]
macro_rules! lambda {
    ($handle:ident $(, $need:ident)*) => {
        fn main() -> std::process::ExitCode {
            $crate::http::run($handle, $crate::Requirements { $($need: true,)* ..Default::default() })
        }
    };
}

/// Makes a Lambda function that answers every request with one JSON document, which is given as it is and compressed by gzip.
#[macro_export]
macro_rules! document {
    ($json:expr, $gzip:expr) => {
        fn main() -> std::process::ExitCode {
            $crate::http::run_document($json, $gzip)
        }
    };
}

/// Makes a Lambda function of a worker's `handle`, which takes one record of the table's stream. A number says how many records it may
/// handle at once. The words after it are those of [`lambda!`].
#[macro_export]
macro_rules! worker {
    ($name:literal, $handle:ident, $at_once:literal at once $(, $need:ident)*) => {
        fn main() -> std::process::ExitCode {
            let needs = $crate::Requirements { $($need: true,)* ..Default::default() };
            $crate::http::run_worker($name, $at_once, $handle, needs)
        }
    };
    ($name:literal, $handle:ident $(, $need:ident)*) => {
        $crate::worker!($name, $handle, 1 at once $(, $need)*);
    };
}

/// Makes a Lambda function of a `handle` that takes one task of a queue. The first word after it names that queue, the other ones are those
/// of [`lambda!`].
#[macro_export]
macro_rules! task_worker {
    ($name:literal, $handle:ident, $queue:ident $(, $need:ident)*) => {
        fn main() -> std::process::ExitCode {
            let needs = $crate::Requirements { $queue: true, queue: true, $($need: true,)* ..Default::default() };
            $crate::http::run_tasks($name, $handle, $crate::app::App::$queue, needs)
        }
    };
}
