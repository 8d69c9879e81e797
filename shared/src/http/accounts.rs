//! The families "Accounts and sessions" and "Anonymous inbox": their errors with their documented answers.

use http::StatusCode;

use super::{FamilyError, Problem, Reply};
use crate::bodies::{AccountsFailure, False};

pub enum AccountsError {
    /// An error that any request can have.
    Problem(Problem),
    AllFieldsRequired,
    AlreadyRegistered,
    BadAddress,
    DeviceNotFound,
    EmailTaken,
    MessageIdMissing,
    MessageNotFound,
    NotAccepting,
    NotActive,
    NotTrusted,
    SenderForgotten,
    UserNotFound,
    UsernameTaken,
    WrongCode,
    WrongCredentials,
    WrongPassword,
}

impl AccountsError {
    pub fn is_over_limit(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.limited.is_some())
    }

    fn into_problem(self) -> Problem {
        use StatusCode as S;
        let (status, message) = match self {
            Self::Problem(problem) if problem.status.is_server_error() => {
                return Problem { message: "Internal server error".into(), ..problem };
            }
            Self::Problem(problem) => return problem,
            Self::BadAddress => (S::BAD_REQUEST, "email must be an address that mail can reach. Check it"),
            Self::AllFieldsRequired => (S::BAD_REQUEST, "All fields required"),
            Self::NotActive => (S::UNAUTHORIZED, "This account is suspended. Write to those who run this service"),
            Self::NotTrusted => (S::UNAUTHORIZED, "This device is not trusted"),
            Self::WrongCode => (S::UNAUTHORIZED, "Invalid OTP"),
            Self::WrongCredentials => (S::UNAUTHORIZED, "Invalid credentials"),
            Self::WrongPassword => (S::UNAUTHORIZED, "Wrong password"),
            Self::NotAccepting => (S::FORBIDDEN, "User is not accepting messages"),
            Self::DeviceNotFound => (S::NOT_FOUND, "Device not found"),
            Self::MessageIdMissing => (S::NOT_FOUND, "messageId not found"),
            Self::MessageNotFound => (S::NOT_FOUND, "Message not found"),
            Self::UserNotFound => (S::NOT_FOUND, "User not found"),
            Self::AlreadyRegistered => (S::CONFLICT, "User already registered"),
            Self::EmailTaken => (S::CONFLICT, "User Already Exists"),
            Self::UsernameTaken => (S::CONFLICT, "Username already exists"),
            Self::SenderForgotten => {
                (S::GONE, "This message is too old: who sent it can't be recognised any more, not even to be blocked")
            }
        };
        Problem::new(status, message)
    }
}

impl<E> From<E> for AccountsError
where
    Problem: From<E>,
{
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

impl FamilyError for AccountsError {
    fn reply(self) -> (Reply, Option<String>) {
        shaped(self.into_problem())
    }
}

/// An error that answers every failure of ours with `Failed to send OTP`.
pub struct NotSent(AccountsError);

impl<E> From<E> for NotSent
where
    AccountsError: From<E>,
{
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl FamilyError for NotSent {
    fn reply(self) -> (Reply, Option<String>) {
        let problem = self.0.into_problem();
        if problem.status.is_server_error() {
            return shaped(Problem { message: "Failed to send OTP".into(), ..problem });
        }
        shaped(problem)
    }
}

fn shaped(problem: Problem) -> (Reply, Option<String>) {
    let body = AccountsFailure { success: False, message: problem.message };
    (Reply::json(problem.status, &body).limited(problem.limited), problem.cause)
}
