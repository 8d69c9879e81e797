//! The family "Notifications": its errors with their documented answers, which have the shape of communities'.

use http::StatusCode;

use super::{CommunitiesError, FamilyError, Problem, Reply};
use crate::store::MOST_SUBSCRIPTIONS;

pub enum NotificationsError {
    /// An error that any request can have.
    Problem(Problem),
    /// The link of a mail that is none of ours, or was cut short.
    BadToken,
    NothingToChange,
    SubscriptionNotFound,
    TooManySubscriptions,
}

impl NotificationsError {
    pub(super) fn into_problem(self) -> Problem {
        use StatusCode as S;
        let (status, message) = match self {
            Self::Problem(problem) => return problem,
            Self::TooManySubscriptions => {
                let message = format!(
                    "You have {MOST_SUBSCRIPTIONS} push subscriptions already, all of them on devices that are signed in. \
                     Delete one, or sign out on a device"
                );
                return Problem::new(S::UNPROCESSABLE_ENTITY, message);
            }
            Self::BadToken => (
                S::BAD_REQUEST,
                "This link is not valid. Follow it in the mail itself, or sign in to change what you get",
            ),
            Self::SubscriptionNotFound => (S::NOT_FOUND, "Push subscription not found"),
            Self::NothingToChange => (S::UNPROCESSABLE_ENTITY, "Give at least one of messages.email, messages.push"),
        };
        Problem::new(status, message)
    }
}

/// As in communities, what other families call a bad request is unprocessable.
impl<E> From<E> for NotificationsError
where
    Problem: From<E>,
{
    fn from(error: E) -> Self {
        Self::Problem(CommunitiesError::from(Problem::from(error)).into_problem())
    }
}

impl FamilyError for NotificationsError {
    fn reply(self) -> (Reply, Option<String>) {
        CommunitiesError::Problem(self.into_problem()).reply()
    }
}
