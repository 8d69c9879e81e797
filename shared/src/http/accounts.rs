//! The families "Accounts and sessions" and "Anonymous inbox": their errors with their documented answers, and how they show
//! users, devices and messages.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::{FamilyError, Pagination, Problem, Reply};
use crate::{
    store::{Account, Device, InboxMessage, Page, UsernameClaim},
    tokens::Tokens,
    types::{DeviceId, DeviceName, Email, InboxMessageId, InboxText, Timestamp, UserId, Username},
};

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
    let body = json!({ "success": false, "message": problem.message });
    (Reply::json(problem.status, &body).limited(problem.limited), problem.cause)
}

/// A user as the user sees himself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserBody<'a> {
    #[serde(rename = "_id")]
    id: UserId,
    username: &'a Username,
    email: &'a Email,
    /// Always: nobody signs up without a code.
    is_verified: bool,
    is_accepting_messages: bool,
}

impl<'a> UserBody<'a> {
    pub fn of(account: &'a Account, claim: &UsernameClaim) -> Self {
        Self {
            id: account.id,
            username: &account.username,
            email: &account.email,
            is_verified: true,
            is_accepting_messages: claim.is_accepting,
        }
    }
}

#[derive(Serialize)]
pub struct DeviceBody<'a> {
    id: DeviceId,
    name: &'a DeviceName,
    trusted: bool,
}

impl<'a> DeviceBody<'a> {
    pub fn of(device: &'a Device) -> Self {
        Self { id: device.id, name: &device.device_name, trusted: device.trusted }
    }
}

/// A message as its recipient sees it: nothing about who sent it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxMessageBody {
    #[serde(rename = "_id")]
    id: InboxMessageId,
    content: InboxText,
    created_at: Timestamp,
}

/// A page of an inbox.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxBody {
    messages: Vec<InboxMessageBody>,
    next_cursor: Option<String>,
}

impl InboxBody {
    /// `page` is the one that was asked for by `pagination`.
    pub fn of(page: Page<InboxMessage>, pagination: &Pagination<InboxMessageId>, tokens: &Tokens) -> Self {
        let body = |InboxMessage { id, content, .. }| InboxMessageBody { id, content, created_at: id.made_at() };
        Self {
            next_cursor: pagination.next_cursor(tokens, page.next(|last| last.id)),
            messages: page.items.into_iter().map(body).collect(),
        }
    }
}
