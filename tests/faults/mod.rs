//! Nothing is lost or half-written when a store fails, does not answer, or handles a request whose answer is lost.

mod account_races;
mod accounts;
mod cards;
mod changes;
mod communities;
mod conversations;
mod creations;
mod erasures;
mod inbox;
mod limits;
mod link_deletions;
mod link_races;
mod mail;
mod media;
mod media_losses;
mod media_races;
mod media_sweeps;
mod media_table;
mod memberships;
mod message_deletions;
mod notifications;
mod passwords;
mod private;
mod private_reads;
mod registrations;
mod senders;
mod sends;

use serde_json::{Value, json};

use crate::support::{Answer, Client, Fault, FaultyStack, Link, StoreCall, When, line_of, lines, whole_number};

/// The ways in which a store fails all requests: two statuses, and no connection.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Status(u16),
    NoConnection,
}

const FAILURES: [Failure; 3] = [Failure::Status(500), Failure::Status(503), Failure::NoConnection];

impl Failure {
    fn of(self, when: When, times: usize) -> Fault {
        match self {
            Failure::Status(status) => when.answer(status, times),
            Failure::NoConnection => when.refuse(times),
        }
    }
}

/// The ways in which the answer to a handled request is lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// The connection ends.
    Ended,
    /// No answer comes until the client's time-out.
    Silence,
}

impl Loss {
    fn of(self, when: When, times: usize) -> Fault {
        match self {
            Loss::Ended => when.lose_the_answer(times),
            Loss::Silence => when.never_answer(times),
        }
    }
}

/// Messages whose answers are lost: whether the conversation has begun, the loss, the content, and the key.
const LOST_MESSAGES: [(bool, Loss, &str, Option<&str>); 4] = [
    (false, Loss::Ended, "Begun without a key", None),
    (false, Loss::Silence, "Begun with a key", Some("a-key")),
    (true, Loss::Silence, "Without a key", None),
    (true, Loss::Ended, "With a key", Some("a-key")),
];

/// The documented 500 of links, and a log line that has the cause and none of `secrets`.
async fn assert_internal_error(stack: &FaultyStack, answer: &Answer, secrets: &[&str]) {
    answer.refused(500, "Something went wrong on our side. Please try again");
    assert_cause_logged(stack, answer, secrets).await;
}

/// The documented 500 of accounts and inboxes, and its log line.
async fn assert_failed(stack: &FaultyStack, answer: &Answer, secrets: &[&str]) {
    answer.fails(500, "Internal server error");
    assert_cause_logged(stack, answer, secrets).await;
}

async fn assert_cause_logged(stack: &FaultyStack, answer: &Answer, secrets: &[&str]) {
    let (_, line) = line_of(&stack.stack, answer).await;
    assert_eq!((&line["level"], &line["status"]), (&json!("error"), &json!(500)));
    assert_eq!(line["request_id"].as_str(), answer.header("x-request-id"));
    let cause = line["cause"].as_str().unwrap_or_else(|| panic!("no cause: {line}"));
    let (operation, reason) = cause.split_once(": ").unwrap_or_else(|| panic!("{cause}"));
    assert!(!operation.is_empty() && !reason.is_empty(), "{cause}");
    assert_not_logged(stack, secrets);
}

fn assert_not_logged(stack: &FaultyStack, secrets: &[&str]) {
    for line in lines(&stack.stack) {
        let found = secrets.iter().find(|secret| line.contains(**secret));
        assert_eq!(found, None, "{line}");
    }
}

/// The request succeeded although `operation` of a store failed, and its log line says so.
async fn assert_degraded(stack: &FaultyStack, answer: &Answer, operation: &str) {
    let (_, line) = line_of(&stack.stack, answer).await;
    assert_eq!((&line["level"], &line["status"]), (&json!("warn"), &json!(answer.status)), "{line}");
    assert!(line["cause"].as_str().is_some_and(|cause| cause.starts_with(&format!("{operation}: "))), "{line}");
}

/// Whether a call deletes an item whose key contains `text`, by itself or in a transaction.
fn deletes(call: &StoreCall, text: &str) -> bool {
    call.asks("DeleteItem", text) || call.asks("TransactWriteItems", text) && call.body.contains("\"Delete\"")
}

/// The remaining hits of a limit, as the answer's `RateLimit` field says.
#[track_caller]
fn remaining(answer: &Answer, limit: &str) -> u64 {
    let told = answer.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit: {}", answer.text()));
    let stack = told.split(", ").find_map(|one| one.strip_prefix(&format!("\"{limit}\";r=")));
    let (remaining, _) = stack.and_then(|stack| stack.split_once(";t=")).unwrap_or_else(|| panic!("RateLimit: {told}"));
    whole_number(remaining)
}

/// Too many requests, in the shape of accounts and inboxes.
#[track_caller]
fn limited(answer: &Answer, limit: &str) {
    assert_eq!((answer.status, &answer.json()["success"]), (429, &json!(false)), "{}", answer.text());
    assert_eq!(remaining(answer, limit), 0);
}

/// Whether a session is still valid.
async fn is_alive(token: &str) -> bool {
    let answer = Client::new().get("/api/auth/devices").bearer(token).send().await;
    if answer.status != 200 {
        answer.fails(401, "Not Authenticated");
    }
    answer.status == 200
}

async fn sign_in(identifier: &str, password: &str) -> Answer {
    let body = json!({ "identifier": identifier, "password": password });
    Client::new().post("/api/auth/sign-in").json(&body).send().await
}

/// Sends a message, with an idempotency key if there is one.
async fn send(link: &Link, sender: &Client, content: &str, key: Option<&str>) -> Answer {
    let call = sender.post(&link.messages()).json(&json!({ "content": content }));
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

#[track_caller]
fn sent(answer: &Answer) {
    answer.is(201, json!({ "success": true }));
}

/// The number of stored messages with this content. Also checks that the link's count is right.
async fn stored(link: &Link, content: &str) -> usize {
    let messages = link.all().await;
    assert_eq!(link.count().await, messages.len() as u64);
    messages.iter().filter(|message| message["content"] == content).count()
}

/// The messages that a sender may still send to a link within the minute. This sends one of them.
async fn sends_left(link: &Link, sender: &Client) -> u64 {
    let answer = send(link, sender, "One more", None).await;
    sent(&answer);
    answer.quota("link-messages", 5, 60).0 + 1
}

#[track_caller]
fn share_token(message: &Value) -> &str {
    message["share_token"].as_str().expect("a share token")
}

#[track_caller]
fn id(message: &Value) -> &str {
    message["id"].as_str().expect("an id")
}
