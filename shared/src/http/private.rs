//! The family "Private messages": its errors with their documented answers, and the envelope of its successes.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::{FamilyError, Problem, Reply};
use crate::{
    bodies::{False, PrivateFailure, Processed},
    bucket::attachments::NotPromoted,
    limits::Denied,
    store::StoreError,
    types::{MediaKind, MessageKind, Timestamp},
};

pub enum PrivateError {
    /// An error that any request can have.
    Problem(Problem),
    /// The parameter of the route with that name is no id.
    BadId(&'static str),
    /// Either has blocked the other.
    Blocked,
    /// Media that is not the sender's own upload.
    ForeignMedia,
    MessageNotFound,
    /// Media of another kind than the message.
    MixedMedia(MessageKind),
    NotAMember,
    NotActive,
    NotAuthenticated,
    /// Media that can't be made the message's.
    NotPromoted(NotPromoted),
    NotTheSender,
    NotTrusted,
    ToSelf,
    UnknownUser,
    UnfitUpload(MediaKind),
    UserNotFound,
    WrongUploadSize(MediaKind),
}

impl PrivateError {
    fn into_problem(self) -> Problem {
        use StatusCode as S;
        let (status, message) = match self {
            Self::Problem(problem) => return problem,
            Self::BadId(name) => return Problem::bad_request(format!("{name} must be an id of 24 hex digits")),
            Self::MixedMedia(kind) => {
                return Problem::bad_request(format!(
                    "A message of type {0} carries media of type {0} only",
                    kind.as_str()
                ));
            }
            Self::NotPromoted(why) => {
                let problem = Problem::new(S::INTERNAL_SERVER_ERROR, "Media promotion failed");
                // The contract's status for whatever is wrong with an upload. That is no failure of ours.
                let cause = match why {
                    NotPromoted::Unfit(_) => None,
                    NotPromoted::Failed(error) => Some(error.to_string()),
                };
                return Problem { cause, ..problem };
            }
            Self::UnfitUpload(kind) => {
                let types = kind.content_types().unwrap_or_default().join(", ");
                return Problem::bad_request(format!("contentType must be one of {types} for type {}", kind.as_str()));
            }
            Self::WrongUploadSize(kind) => {
                let (most, kind) = (kind.most_bytes(), kind.as_str());
                return Problem::bad_request(format!("bytes must be a whole number from 1 to {most} for type {kind}"));
            }
            Self::Blocked => {
                (S::BAD_REQUEST, "You can't exchange messages with this user: one of you has blocked the other")
            }
            Self::ForeignMedia => {
                (S::BAD_REQUEST, "media must name your own uploads, by the publicId that each was given")
            }
            Self::ToSelf => (S::BAD_REQUEST, "You can't do this with yourself: name another user"),
            Self::UnknownUser => (S::BAD_REQUEST, "There is no user with this id"),
            Self::NotAuthenticated => (S::UNAUTHORIZED, "Not authenticated. Sign in first"),
            Self::NotActive => {
                (S::UNAUTHORIZED, "This account is suspended or inactive. Write to those who run this service")
            }
            Self::NotTrusted => {
                (S::UNAUTHORIZED, "This device is not trusted. Verify it with the code that was mailed")
            }
            Self::NotAMember => (S::FORBIDDEN, "You are not in this conversation"),
            Self::NotTheSender => (S::FORBIDDEN, "Only the sender can delete a message"),
            Self::MessageNotFound => (S::NOT_FOUND, "Message not found"),
            Self::UserNotFound => (S::NOT_FOUND, "User not found"),
        };
        Problem::new(status, message)
    }
}

impl From<Problem> for PrivateError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for PrivateError {
    fn from(error: StoreError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Denied> for PrivateError {
    fn from(denied: Denied) -> Self {
        Self::Problem(denied.into())
    }
}

impl FamilyError for PrivateError {
    fn reply(self) -> (Reply, Option<String>) {
        let (problem, details) = match self {
            Self::NotPromoted(NotPromoted::Unfit(uploads)) => {
                (Self::NotPromoted(NotPromoted::Unfit(Vec::new())).into_problem(), Some(uploads))
            }
            other => (other.into_problem(), None),
        };
        let body = PrivateFailure { success: False, message: problem.message, timestamp: Timestamp::now(), details };
        (Reply::json(problem.status, &body).limited(problem.limited), problem.cause)
    }
}

/// `data` in the family's envelope, as text.
pub fn processed(data: &impl Serialize, now: Timestamp) -> String {
    json!(Processed::new(data, now)).to_string()
}

impl Reply {
    /// `data` in the family's envelope.
    pub fn processed(data: &impl Serialize, now: Timestamp) -> Self {
        Self::created(processed(data, now)).with_status(StatusCode::OK)
    }
}
