//! Nothing is lost or half-written when a store fails, falls silent, or does what it is asked without our hearing of it.

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

/// Each way of a store to fail for as long as it does: two statuses, and no answer at all.
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

/// Each way of an answer to a request that was done not to arrive.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// The connection ends.
    Ended,
    /// Nothing comes, for longer than anybody waits.
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

/// A message whose answer is lost: whether one went before it in its conversation, how, what it says, and its key.
const LOST_MESSAGES: [(bool, Loss, &str, Option<&str>); 4] = [
    (false, Loss::Ended, "Begun without a key", None),
    (false, Loss::Silence, "Begun with a key", Some("a-key")),
    (true, Loss::Silence, "Without a key", None),
    (true, Loss::Ended, "With a key", Some("a-key")),
];

/// The documented answer to what is nobody's fault but ours, and a line that says why, but not what was said.
async fn assert_internal_error(stack: &FaultyStack, answer: &Answer, secrets: &[&str]) {
    answer.refused(500, "Something went wrong on our side. Please try again");
    assert_cause_logged(stack, answer, secrets).await;
}

/// The same of accounts and inboxes.
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

/// The request succeeded without something that failed, and its line says what: an operation of a store.
async fn assert_degraded(stack: &FaultyStack, answer: &Answer, operation: &str) {
    let (_, line) = line_of(&stack.stack, answer).await;
    assert_eq!((&line["level"], &line["status"]), (&json!("warn"), &json!(answer.status)), "{line}");
    assert!(line["cause"].as_str().is_some_and(|cause| cause.starts_with(&format!("{operation}: "))), "{line}");
}

/// Whether a call removes an item whose key has `text` in it, by itself or with others.
fn deletes(call: &StoreCall, text: &str) -> bool {
    call.asks("DeleteItem", text) || call.asks("TransactWriteItems", text) && call.body.contains("\"Delete\"")
}

/// How many more hits a limit has room for, of those that an answer tells of.
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

/// Whether a session lives.
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

/// A sent message, with a key if there is one.
async fn send(link: &Link, sender: &Client, content: &str, key: Option<&str>) -> Answer {
    let call = sender.post(&link.messages()).json(&json!({ "content": content }));
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

#[track_caller]
fn sent(answer: &Answer) {
    answer.is(201, json!({ "success": true }));
}

/// How many messages say `content`, and that the link's own count is that of its messages.
async fn stored(link: &Link, content: &str) -> usize {
    let messages = link.all().await;
    assert_eq!(link.count().await, messages.len() as u64);
    messages.iter().filter(|message| message["content"] == content).count()
}

/// How many more messages a sender may send to a link within the minute, before one more that this sends.
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
