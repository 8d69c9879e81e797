//! What every function stands on. ARCHITECTURE.md has the map; floors, from the top, each knowing only those under it:
//!
//! 1. auth, codes, erasing, marking, messaging, notifications, shared_message, community_access
//! 2. http
//! 3. app
//! 4. limits
//! 5. attachments, cards, mail, passwords, png, push, queue, sessions, store, tokens, vapid
//! 6. bucket, media
//! 7. aws, client, config, html, log, tally, types

pub mod app;
pub mod attachments;
pub mod auth;
mod aws;
mod bucket;
pub mod cards;
pub mod client;
pub mod codes;
pub mod community_access;
mod config;
pub mod erasing;
mod error;
mod html;
pub mod http;
pub mod limits;
mod log;
pub mod mail;
pub mod marking;
pub mod media;
pub mod messaging;
pub mod notifications;
pub mod passwords;
pub mod png;
mod push;
mod queue;
pub mod sessions;
pub mod shared_message;
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
        app::App,
        attachments::UPLOAD_WITHIN,
        auth::{
            Authenticated, Caller, LinkOwner, LoginTarget, PinPassed, TrustedCaller, Unsubscriber, UnverifiedSession,
            confirm_and_read, end_session, notified, signed_in,
        },
        cards::{self, Cards},
        codes::{MAIL_PATIENCE, codes_to, mail_code, mail_code_if_possible},
        community_access::{CommunityAccess, MemberPair},
        http::{
            AccountsError, CommunitiesError, CommunityBody, CommunityMessageBody, DeviceBody, InboxBody, LinkBody,
            LinksError, NotSent, NotificationsError, NumberedPagination, PageError, PageOrJson, Pagination, PersonBody,
            PrivateError, PrivateMessageBody, Problem, Reply, Request, Role, Undelivered, UserBody, processed,
        },
        lambda,
        limits::{Counted, Limit},
        mail::EmailMessage,
        marking::mark_upto,
        messaging::{Opened, Outgoing},
        passwords::SecretHash,
        png::{NotACard, clean_card},
        shared_message::SharedMessage,
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
