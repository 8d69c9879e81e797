//! The anonymous inbox: section 2 of the contract.

mod acceptance;
mod anonymity;
mod blocking;
mod callers;
mod contents;
mod deletion;
mod idempotency;
mod limits;
mod listing;
mod paging;
mod privacy;
mod reports;
mod send;
pub mod table;
mod window;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Answer, Call, Client, User, whole_number};

const SEND: &str = "/api/send-message";

/// The limit of messages from one client to one recipient.
const INBOX_MESSAGES: (&str, u64) = ("inbox-messages", 5);
/// The limit of messages from one client to all recipients.
const ALL_INBOXES: (&str, u64) = ("all-inboxes", 30);

/// The documented answer to a message that was sent.
#[track_caller]
fn sent(answer: &Answer) {
    answer.is(201, json!({ "success": true, "message": "Message sent successfully" }));
}

/// A request that sends a message to this name, whether or not the name exists.
fn letter(sender: &Client, username: &str, content: &str) -> Call {
    sender.post(SEND).json(&json!({ "username": username, "content": content }))
}

/// The two `RateLimit` header fields: for each limit its policy, the remaining hits, and the seconds until reset.
#[track_caller]
fn gauges(answer: &Answer) -> BTreeMap<String, (String, u64, u64)> {
    let members = |name: &str| -> Vec<(String, String)> {
        let field = answer.header(name).unwrap_or_else(|| panic!("no {name}: {}", answer.text()));
        let member = |member: &str| {
            let (name, rest) = member.trim().strip_prefix('"').and_then(|rest| rest.split_once("\";")).expect(member);
            (name.to_owned(), rest.to_owned())
        };
        field.split(',').map(member).collect()
    };
    let policies: BTreeMap<_, _> = members("ratelimit-policy").into_iter().collect();
    let told = members("ratelimit").into_iter().map(|(name, rest)| {
        let (remaining, reset) = rest.strip_prefix("r=").and_then(|rest| rest.split_once(";t=")).expect(&rest);
        (name.clone(), (policies[&name].clone(), whole_number(remaining), whole_number(reset)))
    });
    let told: BTreeMap<_, _> = told.collect();
    assert_eq!(told.len(), policies.len());
    told
}

/// The remaining hits of both limits after a sent message: to this recipient, and to all.
#[track_caller]
fn remaining(answer: &Answer) -> (u64, u64) {
    let gauges = gauges(answer);
    let of = |(name, quota): (&str, u64)| {
        let (policy, remaining, reset) = &gauges[name];
        assert_eq!(policy, &format!("q={quota};w=60"));
        assert!((1..=61).contains(reset), "t={reset}");
        *remaining
    };
    assert_eq!((gauges.len(), answer.header("retry-after")), (2, None));
    (of(INBOX_MESSAGES), of(ALL_INBOXES))
}

/// Asserts a 429 with its message and headers. Returns the seconds to wait.
#[track_caller]
fn limited(answer: &Answer, (name, quota): (&str, u64)) -> u64 {
    assert_eq!(answer.status, 429, "{}", answer.text());
    let seconds = whole_number(answer.header("retry-after").expect("a Retry-After header"));
    assert!((1..=60).contains(&seconds), "Retry-After: {seconds}");
    let unit = if seconds == 1 { "second" } else { "seconds" };
    answer.fails(429, &format!("Too many requests. Try again in {seconds} {unit}"));
    let policy = format!("q={quota};w=60");
    assert_eq!(gauges(answer), BTreeMap::from([(name.to_owned(), (policy, 0, seconds))]));
    seconds
}

/// The whole inbox, newest first, page by page.
async fn all_by(user: &User, limit: usize) -> Vec<Value> {
    let (mut messages, mut query) = (Vec::new(), format!("?limit={limit}"));
    loop {
        let page = user.page(&query).await;
        let found = page["messages"].as_array().expect("messages");
        assert!(found.len() <= limit, "{} messages on a page of {limit}", found.len());
        messages.extend(found.iter().cloned());
        match &page["nextCursor"] {
            Value::Null => return messages,
            cursor => query = format!("?limit={limit}&cursor={}", cursor.as_str().expect("a cursor or null")),
        }
    }
}

#[track_caller]
fn id(message: &Value) -> &str {
    message["_id"].as_str().unwrap_or_else(|| panic!("no id: {message}"))
}

fn ids(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(id).collect()
}

/// The contents of the newest messages.
async fn contents(user: &User) -> Vec<String> {
    user.inbox().await.iter().map(|message| message["content"].as_str().expect("content").to_owned()).collect()
}
