//! Errors that requests of every family can have. Each family gives them its own shape.

use std::borrow::Cow;

use http::StatusCode;

use super::Reply;
use crate::{
    limits::Denied,
    store::{StoreError, TooMany},
};

/// An answer that a person can act on and, for the log only, its cause.
pub struct Problem {
    pub status: StatusCode,
    pub message: Cow<'static, str>,
    pub limited: Option<TooMany>,
    /// The status holds also in families that answer 422 where others answer 400.
    pub keeps_status: bool,
    /// Why the request failed on our side. It goes to the log once, with the request id, and counts towards the alarms. Holds no content.
    pub cause: Option<String>,
}

/// A family's errors: problems of any request, in the family's shape, besides its own.
pub trait FamilyError {
    /// The answer in the family's documented shape, and the cause for the log.
    fn reply(self) -> (Reply, Option<String>);
}

impl Problem {
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into(), limited: None, keeps_status: false, cause: None }
    }

    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn too_large(message: &'static str) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    pub fn wrong_type(message: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    pub fn bad_cursor() -> Self {
        Self { keeps_status: true, ..Self::bad_request("cursor is not valid; start again without it") }
    }

    /// The first request with a key has neither succeeded nor failed: whoever asks again later gets to know.
    pub fn under_way() -> Self {
        let cause = Some("the first request with this key is under way, or died".to_owned());
        Self { cause, ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Please try again in half a minute") }
    }

    pub fn reused_key() -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "This Idempotency-Key was already used for another request")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let message = "Something went wrong on our side. Please try again";
        Self { cause: Some(error.to_string()), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, message) }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::OverLimit(too_many) => too_many.into(),
            Denied::Failed(error) => error.into(),
        }
    }
}

impl From<TooMany> for Problem {
    fn from(limited: TooMany) -> Self {
        let plural = if limited.retry_after == 1 { "" } else { "s" };
        let message = format!("Too many requests. Try again in {} second{plural}", limited.retry_after);
        Self { limited: Some(limited), ..Self::new(StatusCode::TOO_MANY_REQUESTS, message) }
    }
}
