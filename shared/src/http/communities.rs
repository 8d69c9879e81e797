//! The families "Communities" and "Notifications": their errors with their documented answers.

use std::borrow::Cow;

use http::StatusCode;

use super::{FamilyError, Problem, Reply};
use crate::bodies::{CommunitiesFailure, NotDelivered};

pub enum CommunitiesError {
    /// An error that any request can have.
    Problem(Problem),
    /// The creator has blocked the caller, who wants to join.
    Blocked,
    CommunityNotFound,
    /// The creator neither joins nor leaves.
    IsCreator,
    MemberNotFound,
    MessageNotFound,
    NotAMember,
    /// The caller and the other one have no conversation that the caller may read.
    NotInConversation,
    NotTheCreator,
    NotTheLast,
    NotTheSender,
    NothingToChange,
    /// Of sender and recipient one must be the creator, the other one an active member who is not blocked.
    Unreachable,
}

impl CommunitiesError {
    /// A request that can be read but makes no sense.
    pub fn unprocessable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Problem(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message))
    }

    pub(super) fn into_problem(self) -> Problem {
        use StatusCode as S;
        let (status, message) = match self {
            Self::Problem(problem) => return problem,
            Self::Blocked => (S::FORBIDDEN, "You can't join this community: its creator has blocked you"),
            Self::NotAMember => (S::FORBIDDEN, "You are not a member of this community"),
            Self::NotInConversation => (S::FORBIDDEN, "You have no conversation with this user in this community"),
            Self::NotTheCreator => (S::FORBIDDEN, "Only the creator of this community can do this"),
            Self::NotTheLast => (S::FORBIDDEN, "You can only delete the last message in a conversation"),
            Self::NotTheSender => (S::FORBIDDEN, "You can only delete your own messages"),
            Self::Unreachable => (S::FORBIDDEN, "You cannot send messages to this user"),
            Self::CommunityNotFound => (S::NOT_FOUND, "Community not found"),
            Self::MemberNotFound => (S::NOT_FOUND, "Member not found"),
            Self::MessageNotFound => (S::NOT_FOUND, "Message not found"),
            Self::IsCreator => (S::CONFLICT, "You are the creator of this community"),
            Self::NothingToChange => {
                (S::UNPROCESSABLE_ENTITY, "Nothing to change: give at least one of name and description")
            }
        };
        Problem::new(status, message)
    }
}

/// Where other families answer 400, this one answers 422.
impl<E> From<E> for CommunitiesError
where
    Problem: From<E>,
{
    fn from(error: E) -> Self {
        let problem = Problem::from(error);
        let status = match problem.status {
            StatusCode::BAD_REQUEST if !problem.keeps_status => StatusCode::UNPROCESSABLE_ENTITY,
            status => status,
        };
        Self::Problem(Problem { status, ..problem })
    }
}

impl FamilyError for CommunitiesError {
    fn reply(self) -> (Reply, Option<String>) {
        let problem = self.into_problem();
        let body = CommunitiesFailure { message: problem.message };
        (Reply::json(problem.status, &body).limited(problem.limited), problem.cause)
    }
}

/// An error of sending a message. For 403 and 422 its `message` is a list, as the contract has it.
pub struct Undelivered(CommunitiesError);

impl<E> From<E> for Undelivered
where
    CommunitiesError: From<E>,
{
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl FamilyError for Undelivered {
    fn reply(self) -> (Reply, Option<String>) {
        let problem = self.0.into_problem();
        match problem.status {
            StatusCode::FORBIDDEN | StatusCode::UNPROCESSABLE_ENTITY => {
                (Reply::json(problem.status, &NotDelivered { message: [problem.message] }), problem.cause)
            }
            _ => CommunitiesError::Problem(problem).reply(),
        }
    }
}
