//! Shared by the tests of communities: requests and constants.

use serde_json::{Value, json};

use crate::support::User;

pub const UNREACHABLE: &str = "You cannot send messages to this user";
pub const BLANK: &str = "Content can't be blank";
pub const TOO_LONG: &str = "Content is too long (maximum is 5000 characters)";
pub const NO_COMMUNITY: &str = "Community not found";
pub const NO_MEMBER: &str = "Member not found";
pub const NO_MESSAGE: &str = "Message not found";
pub const NOT_A_MEMBER: &str = "You are not a member of this community";
pub const NOT_THE_CREATOR: &str = "Only the creator of this community can do this";
pub const NOT_THE_LAST: &str = "You can only delete the last message in a conversation";
pub const NOT_THE_SENDER: &str = "You can only delete your own messages";
pub const NO_CONVERSATION: &str = "You have no conversation with this user in this community";
pub const IS_CREATOR: &str = "You are the creator of this community";
pub const BLOCKED: &str = "You can't join this community: its creator has blocked you";
pub const NOT_AUTHENTICATED: &str = "Not Authenticated";

/// A well-formed id that nothing has.
pub const UNKNOWN: &str = "019c3277d2c3ffffffffffff";
pub const UNKNOWN_UUID: &str = "019c3277-d2c3-7fff-bfff-ffffffffffff";

/// A user as other users see it.
pub fn person(user: &User) -> Value {
    json!({ "id": user.id, "username": user.username, "avatar_url": null })
}

pub fn nobody(user: &User) -> Value {
    json!({ "id": user.id, "username": null, "avatar_url": null })
}

#[track_caller]
pub fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap_or_else(|| panic!("no id: {message}"))
}

pub fn contents(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["content"].as_str().expect("content")).collect()
}

#[track_caller]
pub fn data(page: &Value) -> &[Value] {
    page["data"].as_array().unwrap_or_else(|| panic!("no data: {page}"))
}
