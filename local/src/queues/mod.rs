//! The embedded SQS: standard queues, and the part of SQS's JSON protocol that the SDKs and `aws sqs` need.
//!
//! There are no message attributes, batches or policies. A request that needs one is refused.
//!
//! Lambda's event source mappings of queues are here, too: they invoke functions with messages, from this SQS or another one.

mod attributes;
mod consumer;
mod declared;
mod mapping;
mod protocol;
mod queue;

pub use consumer::Consumer;
pub use declared::Queue as Declared;
pub use mapping::Mapping;
pub use protocol::router;

use attributes::Attributes;
use parking_lot::Mutex;
use queue::{Queue, Received};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;

/// SQS's limit on a message: 1 MiB since August 2025.
const MESSAGE_LIMIT: usize = 1_048_576;

/// The queues of the embedded SQS. People and tests can look into them without receiving a message.
#[derive(Clone)]
pub struct Queues(Arc<Inner>);

struct Inner {
    /// Each queue has a directory in it. `None`: the queues are in memory.
    directory: Option<PathBuf>,
    queues: Mutex<BTreeMap<String, Queue>>,
    sent: watch::Sender<()>,
}

/// A message in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    pub id: String,
    pub body: String,
    /// When it was sent, `2026-01-01T00:00:00.000Z`.
    pub at: String,
    /// How often it was received.
    pub received: u32,
}

/// Why SQS refuses a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error's name in the SDKs.
    kind: &'static str,
    /// The error's name in the older protocol. Some clients still compare it.
    code: &'static str,
    message: String,
}

impl Queues {
    pub(crate) fn new(directory: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { directory, queues: Mutex::default(), sent: watch::Sender::new(()) }))
    }

    /// The names of the queues.
    pub fn names(&self) -> Vec<String> {
        self.0.queues.lock().keys().cloned().collect()
    }

    /// All messages in the queue, also those that are hidden, the oldest first. Empty if there is no such queue.
    pub fn messages(&self, name: &str) -> Vec<Message> {
        self.0.queues.lock().get_mut(name).map(|queue| queue.messages(OffsetDateTime::now_utc())).unwrap_or_default()
    }

    /// Creates a queue, or sets the attributes of the existing one.
    fn create(&self, name: &str, given: &BTreeMap<String, String>) -> Result<(), Refusal> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=80).contains(&name.len()) || !name.bytes().all(is_name) {
            return Err(Refusal::parameter(
                "QueueName",
                "1 to 80 letters, digits, hyphens and underscores are expected",
            ));
        }
        let attributes = Attributes::read(given)?;
        let mut queues = self.0.queues.lock();
        if let Some(queue) = queues.get_mut(name) {
            queue.attributes = attributes;
            return Ok(());
        }
        let directory = self.0.directory.as_ref().map(|directory| directory.join(name));
        let queue = Queue::open(attributes, directory).map_err(|error| Refusal::broken(&error))?;
        queues.insert(name.to_owned(), queue);
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), Refusal> {
        self.with(name, Queue::purge)?;
        self.0.queues.lock().remove(name);
        Ok(())
    }

    fn send(&self, name: &str, body: String, delay: Duration) -> Result<String, Refusal> {
        check(&body)?;
        let sent = self.with(name, |queue| queue.send(body, delay, OffsetDateTime::now_utc()))?;
        let id = sent.map_err(|error| Refusal::broken(&error))?;
        self.0.sent.send_replace(());
        Ok(id)
    }

    /// Receives at most `most` messages. Waits up to `wait` for the first of them.
    async fn receive(
        &self,
        name: &str,
        most: usize,
        hidden: Option<Duration>,
        wait: Duration,
    ) -> Result<Vec<Received>, Refusal> {
        /// How often to look for messages that have become visible again.
        const LOOK_EVERY: Duration = Duration::from_millis(200);
        let mut sent = self.0.sent.subscribe();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            sent.borrow_and_update();
            self.bury(name)?;
            let received = self.with(name, |queue| {
                queue.receive(most, hidden.unwrap_or(queue.attributes.visibility), OffsetDateTime::now_utc())
            })?;
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            if !received.is_empty() || left.is_zero() {
                return Ok(received);
            }
            let _ = tokio::time::timeout(left.min(LOOK_EVERY), sent.changed()).await; // look again in either case
        }
    }

    /// Moves messages that were received too often to the dead-letter queue. They keep their ids and times there.
    fn bury(&self, name: &str) -> Result<(), Refusal> {
        let mut queues = self.0.queues.lock();
        let queue = queues.get_mut(name).ok_or_else(Refusal::no_queue)?;
        let Some(target) = queue.attributes.redrive.as_ref().map(|redrive| redrive.target().to_owned()) else {
            return Ok(());
        };
        let dead = queue.take_received_too_often(OffsetDateTime::now_utc());
        let target = queues.get_mut(&target).ok_or_else(Refusal::no_queue)?;
        dead.into_iter().try_for_each(|kept| target.take_over(kept)).map_err(|error| Refusal::broken(&error))
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Queue) -> T) -> Result<T, Refusal> {
        self.0.queues.lock().get_mut(name).map(act).ok_or_else(Refusal::no_queue)
    }
}

/// Refuses bodies that SQS refuses.
fn check(body: &str) -> Result<(), Refusal> {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    match body.len() {
        0 => Err(Refusal::parameter("MessageBody", "it is empty")),
        1..=MESSAGE_LIMIT if body.chars().all(is_allowed) => Ok(()),
        1..=MESSAGE_LIMIT => Err(Refusal {
            kind: "com.amazonaws.sqs#InvalidMessageContents",
            code: "InvalidMessageContents",
            message: "The message contains characters outside the allowed set.".into(),
        }),
        _ => Err(Refusal::parameter("MessageBody", "it must be shorter than 1048576 bytes")),
    }
}

impl Refusal {
    fn no_queue() -> Self {
        let (kind, code) = ("com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue");
        Self { kind, code, message: "The specified queue does not exist.".into() }
    }

    fn parameter(name: &str, why: &str) -> Self {
        let kind = "com.amazon.coral.service#InvalidParameterValueException";
        Self { kind, code: "InvalidParameterValue", message: format!("{name}: {why}") }
    }

    fn attribute(name: &str) -> Self {
        let message = format!("The local stack doesn't know the attribute {name}.");
        Self { kind: "com.amazonaws.sqs#InvalidAttributeName", code: "InvalidAttributeName", message }
    }

    fn value(name: &str, why: &str) -> Self {
        let kind = "com.amazonaws.sqs#InvalidAttributeValue";
        Self { kind, code: "InvalidAttributeValue", message: format!("{name}: {why}") }
    }

    fn not_in_flight() -> Self {
        let message = "The message referred to isn't in flight.".into();
        Self {
            kind: "com.amazonaws.sqs#MessageNotInflight",
            code: "AWS.SimpleQueueService.MessageNotInflight",
            message,
        }
    }

    fn receipt() -> Self {
        let message = "The input receipt handle is invalid.".into();
        Self { kind: "com.amazonaws.sqs#ReceiptHandleIsInvalid", code: "ReceiptHandleIsInvalid", message }
    }

    fn operation(name: &str) -> Self {
        let message = format!("The local stack doesn't know the operation {name}.");
        Self {
            kind: "com.amazonaws.sqs#UnsupportedOperation",
            code: "AWS.SimpleQueueService.UnsupportedOperation",
            message,
        }
    }

    /// The files of a queue can't be read or written.
    fn broken(error: &std::io::Error) -> Self {
        Self { kind: "com.amazonaws.sqs#InternalError", code: "InternalFailure", message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_a_byte_to_a_mebibyte_of_what_xml_allows() {
        for allowed in ["a", "\t\r\n", "\u{fffd}\u{10000}\u{10ffff}", &"x".repeat(MESSAGE_LIMIT)] {
            assert_eq!(check(allowed), Ok(()));
        }
        for refused in ["", "\0", "a\u{b}", "\u{fffe}", "\u{ffff}", &"x".repeat(MESSAGE_LIMIT + 1)] {
            assert!(check(refused).is_err());
        }
    }

    #[test]
    fn queues_have_plain_names_and_known_attributes() {
        let queues = Queues::new(None);
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        for name in ["", "a/b", "..", "a.fifo", "é", &"x".repeat(81)] {
            assert!(queues.create(name, &BTreeMap::new()).is_err(), "{name}");
        }
        for (name, value) in [
            ("MessageRetentionPeriod", "59"),
            ("MessageRetentionPeriod", "1209601"),
            ("VisibilityTimeout", "-1"),
            ("VisibilityTimeout", "43201"),
            ("SqsManagedSseEnabled", "yes"),
            ("RedrivePolicy", "{}"),
            ("RedrivePolicy", r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:d","maxReceiveCount":0}"#),
            ("FifoQueue", "true"),
        ] {
            assert!(queues.create("q", &one(name, value)).is_err(), "{name}={value}");
        }
        assert!(queues.names().is_empty());
        queues.create("q", &one("SqsManagedSseEnabled", "true")).unwrap();
        queues.send("q", "kept".into(), Duration::ZERO).unwrap();
        queues.create("q", &one("MessageRetentionPeriod", "60")).unwrap();
        assert_eq!(queues.messages("q")[0].body, "kept");
        assert_eq!(queues.with("q", |queue| queue.attributes.retention.as_secs()), Ok(60));
        queues.delete("q").unwrap();
        assert_eq!(queues.delete("q"), Err(Refusal::no_queue()));
        assert!(queues.messages("q").is_empty());
    }

    #[tokio::test]
    async fn a_message_that_was_received_too_often_goes_to_the_dead_letter_queue() {
        let queues = Queues::new(None);
        queues.create("dead", &BTreeMap::new()).unwrap();
        let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:dead","maxReceiveCount":"2"}"#;
        queues.create("q", &BTreeMap::from([("RedrivePolicy".to_owned(), policy.to_owned())])).unwrap();
        let id = queues.send("q", "poison".into(), Duration::ZERO).unwrap();
        for count in [1, 2] {
            let received = queues.receive("q", 10, Some(Duration::ZERO), Duration::ZERO).await.unwrap();
            assert_eq!((received.len(), received[0].count), (1, count));
        }
        assert!(queues.receive("q", 10, Some(Duration::ZERO), Duration::ZERO).await.unwrap().is_empty());
        assert!(queues.messages("q").is_empty());
        let dead = queues.messages("dead");
        assert_eq!((dead.len(), dead[0].id.as_str(), dead[0].body.as_str()), (1, id.as_str(), "poison"));
    }

    #[tokio::test]
    async fn a_waiting_receiver_gets_a_message_as_soon_as_there_is_one() {
        let queues = Queues::new(None);
        queues.create("q", &BTreeMap::new()).unwrap();
        let receive = |wait| queues.receive("q", 1, None, wait);
        assert!(receive(Duration::ZERO).await.unwrap().is_empty());
        let sending = async { queues.send("q", "x".into(), Duration::ZERO).unwrap() };
        let (received, id) = tokio::join!(receive(Duration::from_secs(20)), sending);
        assert_eq!(received.unwrap()[0].id, id);
    }
}
