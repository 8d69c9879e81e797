//! The family "Anonymous links": its errors with their documented answers.

use http::StatusCode;

use super::{FamilyError, Problem, Reply};
use crate::{
    bodies::LinksFailure,
    store::{Link, LinkStatus},
    types::Timestamp,
};

pub enum LinksError {
    /// An error that any request can have.
    Problem(Problem),
    AdminTokenRequired,
    CardExists,
    CardTooLarge,
    CardUnreadable,
    Expired,
    ExpiresBeforeStart,
    ExpiresInThePast,
    Full,
    LinkNotFound,
    MessageNotFound,
    NothingToChange,
    NotStarted(Timestamp),
    Paused,
    PinRequired,
    SlugTaken,
    StillDeleting,
    WrongAdminToken,
    WrongPin,
}

impl LinksError {
    pub fn is_over_limit(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.limited.is_some())
    }

    /// Why nobody can write to the link now, if so.
    pub fn unless_open(link: &Link, now: Timestamp) -> Result<(), Self> {
        match (link.status(now), link.starts_at) {
            (LinkStatus::Active, _) => Ok(()),
            (LinkStatus::Paused, _) => Err(Self::Paused),
            (LinkStatus::Expired, _) => Err(Self::Expired),
            (LinkStatus::Scheduled, start) => Err(Self::NotStarted(start.unwrap_or(now))),
        }
    }

    fn into_problem(self) -> Problem {
        use StatusCode as S;
        let (status, message) = match self {
            Self::Problem(problem) => return problem,
            Self::NotStarted(start) => return Problem::new(S::FORBIDDEN, format!("This link opens at {start}")),
            Self::CardTooLarge => (S::BAD_REQUEST, "The card must not be larger than 4096 pixels a side"),
            Self::CardUnreadable => (S::BAD_REQUEST, "file is not a PNG that can be read"),
            Self::ExpiresBeforeStart => (S::BAD_REQUEST, "expiresAt must be after startsAt"),
            Self::ExpiresInThePast => (S::BAD_REQUEST, "expiresAt must be in the future"),
            Self::NothingToChange => (
                S::BAD_REQUEST,
                "Give at least one of isActive, title, description, pin, expiresAt, startsAt, maxMessages",
            ),
            Self::AdminTokenRequired => (S::UNAUTHORIZED, "Admin token required"),
            Self::PinRequired => (S::UNAUTHORIZED, "PIN required"),
            Self::WrongPin => (S::UNAUTHORIZED, "Wrong PIN"),
            Self::Paused => (S::FORBIDDEN, "This link is paused"),
            Self::WrongAdminToken => (S::FORBIDDEN, "Wrong admin token"),
            Self::LinkNotFound => (S::NOT_FOUND, "Link not found"),
            Self::MessageNotFound => (S::NOT_FOUND, "Message not found"),
            Self::CardExists => (S::CONFLICT, "This message already has a card"),
            Self::Full => (S::CONFLICT, "This link is full"),
            Self::SlugTaken => (S::CONFLICT, "This slug is already taken"),
            Self::Expired => (S::GONE, "This link has expired"),
            Self::StillDeleting => (
                S::SERVICE_UNAVAILABLE,
                "The link is closed, and many of its messages are deleted. Repeat the request to delete the rest",
            ),
        };
        Problem::new(status, message)
    }
}

impl<E> From<E> for LinksError
where
    Problem: From<E>,
{
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

impl FamilyError for LinksError {
    fn reply(self) -> (Reply, Option<String>) {
        let problem = self.into_problem();
        let reply = Reply::json(problem.status, &LinksFailure { error: problem.message }).limited(problem.limited);
        (reply, problem.cause)
    }
}
