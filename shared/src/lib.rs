//! The crate that every function uses. ARCHITECTURE.md has the map. The modules lie in layers, listed here from the top. A module uses
//! only the layers below its own and its own layer, never one above.
//!
//! 1. Families, what several endpoints of one family do alike: accounts, communities, links, messaging, notifications, private
//! 2. auth: who may act
//! 3. http: requests, replies, each family's errors, the frame around every endpoint
//! 4. app: everything that is made once per cold start
//! 5. limits
//! 6. Services: bucket, mail, passwords, png, push, queue, sessions, store, tokens, vapid
//! 7. Basics: aws, client, config, error, html, log, media, stats, types

pub mod accounts;
pub mod app;
pub mod auth;
mod aws;
pub mod bucket;
pub mod client;
pub mod communities;
mod config;
mod error;
mod html;
pub mod http;
pub mod limits;
pub mod links;
mod log;
pub mod mail;
pub mod media;
pub mod messaging;
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

/// What an endpoint is written with.
pub mod prelude {
    pub use futures_util::{TryFutureExt, join, try_join};
    pub use http::StatusCode;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::json;

    pub use crate::{
        accounts::{MAIL_PATIENCE, codes_to, mail_code, mail_code_if_possible},
        app::App,
        auth::{
            Authenticated, Caller, LinkOwner, LoginTarget, PinPassed, TrustedCaller, Unsubscriber, UnverifiedSession,
            confirm_and_read, end_session, notified, signed_in,
        },
        bucket::{
            attachments::UPLOAD_WITHIN,
            cards::{self, Cards},
        },
        communities::{CommunityAccess, MemberPair},
        http::{
            AccountsError, CommunitiesError, CommunityBody, CommunityMessageBody, DeviceBody, InboxBody, LinkBody,
            LinksError, NotSent, NotificationsError, NumberedPagination, PageError, PageOrJson, Pagination, PersonBody,
            PrivateError, PrivateMessageBody, Problem, Reply, Request, Role, Undelivered, UserBody, processed,
        },
        lambda,
        limits::{Counted, Limit},
        links::SharedMessage,
        mail::EmailMessage,
        messaging::{Opened, Outgoing},
        passwords::SecretHash,
        png::{NotACard, clean_card},
        private::mark_upto,
        store::{
            self, Account, AccountStatus, CodeFor, Community, CommunityMessage, Device, Guards, InboxMessage, Link,
            LinkChanges, LinkMessage, LinkStatus, Mark, Member, OneTimeCode, PrivateMessage, StoreError, Tries,
            UsernameClaim,
        },
        tokens::{AdminToken, random},
        types::*,
    };
}

/// Makes a Lambda function of an endpoint's `handle`, with what it needs besides what all need (the fields of [`Requirements`]).
#[macro_export]
macro_rules! lambda {
    ($handle:ident $(, $need:ident)*) => {
        fn main() -> std::process::ExitCode {
            $crate::http::run($handle, $crate::Requirements { $($need: true,)* ..Default::default() })
        }
    };
}

/// Makes a Lambda function of a JSON document, which is its answer to every request.
#[macro_export]
macro_rules! document {
    ($json:expr) => {
        fn main() -> std::process::ExitCode {
            $crate::http::run_document($json)
        }
    };
}

/// Makes a Lambda function of a worker's `handle`, which takes one record of the table's stream, with what it needs besides what
/// all need (the fields of [`Requirements`]).
#[macro_export]
macro_rules! worker {
    ($name:literal, $handle:ident $(, $need:ident)*) => {
        fn main() -> std::process::ExitCode {
            $crate::http::run_worker($name, $handle, $crate::Requirements { $($need: true,)* ..Default::default() })
        }
    };
}
