//! Shared by the tests of private messages: requests and lists.

use serde_json::{Value, json};

use crate::support::{Answer, Call, User};

pub const NOT_AUTHENTICATED: &str = "Not authenticated. Sign in first";
pub const NOT_ACTIVE: &str = "This account is suspended or inactive. Write to those who run this service";
pub const NOT_TRUSTED: &str = "This device is not trusted. Verify it with the code that was mailed";
pub const CROSS_SITE: &str = "Requests with a cookie are accepted from our own pages only";
pub const NOT_A_MEMBER: &str = "You are not in this conversation";
pub const NO_MESSAGE: &str = "Message not found";
pub const NO_USER: &str = "There is no user with this id";
pub const TO_SELF: &str = "You can't do this with yourself: name another user";
pub const BLOCKED: &str = "You can't exchange messages with this user: one of you has blocked the other";
pub const OUR_FAULT: &str = "Something went wrong on our side. Please try again";
pub const BAD_CURSOR: &str = "cursor is not valid; start again without it";
pub const BAD_LIMIT: &str = "limit must be a whole number from 1 to 100";

/// A well-formed id that nothing has.
pub const UNKNOWN: &str = "019c3277d2c3ffffffffffff";

pub fn text(content: &str) -> Value {
    json!({ "content": content, "type": "text" })
}

/// Sends a text to a user.
pub async fn say(from: &User, to: &User, content: &str) -> Answer {
    from.letter(&to.id, text(content)).send().await
}

/// A message to a conversation.
pub fn reply(from: &User, conversation: &str, body: &Value) -> Call {
    from.patch(&format!("/message/send/{conversation}")).json(body)
}

#[track_caller]
fn field<'m>(message: &'m Value, name: &str) -> &'m str {
    message[name].as_str().unwrap_or_else(|| panic!("no {name}: {message}"))
}

#[track_caller]
pub fn id(message: &Value) -> &str {
    field(message, "_id")
}

#[track_caller]
pub fn conversation(message: &Value) -> &str {
    field(message, "conversationId")
}

#[track_caller]
pub fn content(message: &Value) -> &str {
    field(message, "content")
}

pub fn ids(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(id).collect()
}

pub fn contents(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(content).collect()
}

/// Two users, and as many messages from the first to the second.
pub async fn pair<const N: usize>(words: [&str; N]) -> ([User; 2], Vec<Value>) {
    let [ann, bob] = two().await;
    let mut messages = Vec::new();
    for content in words {
        messages.push(ann.write(&bob, content).await);
    }
    ([ann, bob], messages)
}

pub async fn two() -> [User; 2] {
    let users = User::many(2).await;
    users.try_into().unwrap_or_else(|_| panic!("two users"))
}

pub async fn three() -> [User; 3] {
    let users = User::many(3).await;
    users.try_into().unwrap_or_else(|_| panic!("three users"))
}

pub async fn block(user: &User, other: &User) {
    let data = user.post(&format!("/users/{}/block", other.id)).send().await.processed(200);
    assert_eq!(data, json!({ "userId": other.id, "blocked": true }));
}

pub async fn unblock(user: &User, other: &User) {
    let data = user.delete(&format!("/users/{}/block", other.id)).send().await.processed(200);
    assert_eq!(data, json!({ "userId": other.id, "blocked": false }));
}

/// `how`: `seen` or `delivered`.
pub async fn mark(user: &User, how: &str, conversation: &str, message: &str) -> Answer {
    user.post(&format!("/conversations/{conversation}/{how}")).json(&json!({ "messageId": message })).send().await
}

/// Marks everything up to a message. Returns the unread count of the answer.
pub async fn marked(user: &User, how: &str, message: &Value) -> u64 {
    let data = mark(user, how, conversation(message), id(message)).await.processed(200);
    let unread = data["unreadCount"].as_u64().unwrap_or_else(|| panic!("no count: {data}"));
    let whole = json!({ "conversationId": conversation(message), "messageId": id(message), "unreadCount": unread });
    assert_eq!(data, whole);
    unread
}

pub async fn delete(user: &User, message: &Value) -> Answer {
    user.delete(&format!("/conversations/{}/messages/{}", conversation(message), id(message))).send().await
}

/// The user's only conversation in the list.
pub async fn only_conversation(user: &User) -> Value {
    let listed = user.conversations().await;
    let [conversation] = &listed[..] else { panic!("{} conversations", listed.len()) };
    conversation.clone()
}

/// The unread count of the user's only conversation in the list.
pub async fn unread(user: &User) -> u64 {
    let conversation = only_conversation(user).await;
    conversation["unreadCount"].as_u64().unwrap_or_else(|| panic!("no count: {conversation}"))
}

/// A whole list, page by page: every page but the last has `limit` entries.
pub async fn all_by(user: &User, path: &str, field: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut query) = (Vec::new(), format!("?limit={limit}"));
    loop {
        let data = user.get(&format!("{path}{query}")).send().await.processed(200);
        let page = data[field].as_array().unwrap_or_else(|| panic!("no {field}: {data}"));
        assert!(page.len() <= limit, "{} entries on a page of {limit}", page.len());
        all.extend(page.iter().cloned());
        match &data["nextCursor"] {
            Value::Null => return all,
            cursor => {
                assert!(!page.is_empty(), "an empty page that is not the last");
                query = format!("?limit={limit}&cursor={}", cursor.as_str().expect("a cursor or null"));
            }
        }
    }
}

pub async fn all_messages(user: &User, conversation: &str, limit: usize) -> Vec<Value> {
    all_by(user, &format!("/conversations/{conversation}/messages"), "messages", limit).await
}

/// The remaining private messages that an answer's `RateLimit` field states.
#[track_caller]
pub fn places(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (left, reset) = answer.quota("private-messages", 60, 60);
    assert!((1..=60).contains(&reset), "t={reset}");
    left
}
