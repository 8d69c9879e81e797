//! What every function stands on. ARCHITECTURE.md has the map; floors, from the top, each knowing only those under it:
//! auth, codes, erasing, marking, messaging, visiting, http, app, limits, then store, attachments, cards, passwords, then bucket, media, png, tokens, aws,
//! config, log, tally, vapid, types.

pub mod app;
pub mod attachments;
pub mod auth;
mod aws;
mod bucket;
pub mod cards;
pub mod client;
pub mod codes;
mod config;
pub mod erasing;
pub mod http;
pub mod limits;
mod log;
pub mod mail;
pub mod marking;
pub mod media;
pub mod messaging;
pub mod notices;
pub mod passwords;
pub mod png;
mod push;
mod queue;
pub mod sessions;
pub mod shared_message;
pub mod store;
mod tally;
pub mod tokens;
pub mod types;
pub mod vapid;
pub mod visiting;

pub use config::Needs;

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
            Admitted, Caller, Known, LinkOwner, Presented, SigningIn, TrustedCaller, Unsubscriber, end_session,
            notified, signed_in,
        },
        cards::{self, Cards},
        codes::{MAIL_PATIENCE, codes_to, mail_code, mail_code_if_possible},
        http::{
            AccountsError, CommunitiesError, CommunityBody, CommunityMessageBody, DeviceBody, InboxBody, LinkBody,
            LinksError, NotSent, NotificationsError, NumberedPage, PageError, PersonBody, PrivateError,
            PrivateMessageBody, Problem, Reply, Request, Role, TwoBodies, Undelivered, UserBody, processed,
        },
        lambda,
        limits::{Counted, Limit},
        mail::Letter,
        marking::mark_upto,
        messaging::{Opened, Outgoing},
        passwords::SecretHash,
        png::{NotACard, clean_card},
        sessions::{self, Session},
        shared_message::SharedMessage,
        store::{
            self, Account, AccountStatus, CodeFor, Community, CommunityMessage, Device, Guards, InboxMessage, Link,
            LinkChanges, LinkMessage, LinkStatus, Mark, Member, OneTimeCode, PrivateMessage, StoreError, Tries,
            UsernameClaim,
        },
        tokens::{AdminToken, Purpose, random},
        types::*,
        visiting::{Meeting, Visit, numbered_page},
    };
}

/// Makes a Lambda function of an endpoint's `handle`, with what it needs besides what all need (the fields of [`Needs`]).
#[macro_export]
macro_rules! lambda {
    ($handle:ident $(, $need:ident)*) => {
        fn main() -> std::process::ExitCode {
            $crate::http::run($handle, $crate::Needs { $($need: true,)* ..Default::default() })
        }
    };
}

/// Makes a Lambda function of a worker's `handle`, which takes one record of the table's stream, with what it needs besides what
/// all need (the fields of [`Needs`]).
#[macro_export]
macro_rules! worker {
    ($name:literal, $handle:ident $(, $need:ident)*) => {
        fn main() -> std::process::ExitCode {
            $crate::http::run_worker($name, $handle, $crate::Needs { $($need: true,)* ..Default::default() })
        }
    };
}
