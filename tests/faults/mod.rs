//! Nothing is lost or half-written when a store fails, falls silent, or does what it is asked without our hearing of it.

mod cards;
mod changes;
mod creations;
mod deletions;
mod limits;
mod meetings;
mod sends;
mod unlinking;

use serde_json::{Value, json};

use crate::support::{Answer, Interposed, Link, Trouble, Visitor, When, line_of, lines};

/// Each way of a store to fail for as long as it does: two statuses, and no answer at all.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Status(u16),
    NoConnection,
}

const FAILURES: [Failure; 3] = [Failure::Status(500), Failure::Status(503), Failure::NoConnection];

impl Failure {
    fn of(self, when: When, times: usize) -> Trouble {
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
    fn of(self, when: When, times: usize) -> Trouble {
        match self {
            Loss::Ended => when.lose_the_answer(times),
            Loss::Silence => when.never_answer(times),
        }
    }
}

/// The documented answer to what is nobody's fault but ours, and a line that says why, but not what was said.
async fn sorry(own: &Interposed, answer: &Answer, secrets: &[&str]) {
    answer.refused(500, "Something went wrong on our side. Please try again");
    let (_, line) = line_of(&own.stack, answer).await;
    assert_eq!((&line["level"], &line["status"]), (&json!("error"), &json!(500)));
    assert_eq!(line["request_id"].as_str(), answer.header("x-request-id"));
    let cause = line["cause"].as_str().unwrap_or_else(|| panic!("no cause: {line}"));
    let (operation, reason) = cause.split_once(": ").unwrap_or_else(|| panic!("{cause}"));
    assert!(!operation.is_empty() && !reason.is_empty(), "{cause}");
    for line in lines(&own.stack) {
        let found = secrets.iter().find(|secret| line.contains(**secret));
        assert_eq!(found, None, "{line}");
    }
}

/// A sent message, with a key if there is one.
async fn send(link: &Link, sender: &Visitor, content: &str, key: Option<&str>) -> Answer {
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
async fn places(link: &Link, sender: &Visitor) -> u64 {
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
