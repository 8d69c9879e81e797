//! One queue: its messages, and which of them are hidden for how long.

use super::attributes::Attributes;
use super::{Message, Refusal};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use time::OffsetDateTime;

/// A queue's messages, the oldest first.
pub struct Queue {
    pub attributes: Attributes,
    /// Each message is a file in it. `None`: the messages are in memory.
    directory: Option<PathBuf>,
    held: Vec<Held>,
}

/// A message and its state. Only the message itself outlives the stack.
struct Held {
    kept: Kept,
    /// From when on it can be received.
    visible: OffsetDateTime,
    received: u32,
    first_received: Option<OffsetDateTime>,
    last_received: OffsetDateTime,
    /// The handle of the last receiver.
    receipt: Option<String>,
}

/// SQS's limit on how long a received message can be hidden.
const LONGEST_HIDING: Duration = Duration::from_secs(12 * 60 * 60);

/// A message as it is kept in a file.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kept {
    id: String,
    body: String,
    /// Milliseconds since 1970.
    sent: i64,
    /// Until when it is delayed, in milliseconds since 1970.
    #[serde(default)]
    delayed: i64,
}

/// A received message.
pub struct Received {
    pub id: String,
    pub body: String,
    pub receipt: String,
    /// How often it was received, including this time.
    pub count: u32,
    /// Milliseconds since 1970.
    pub sent: i64,
    /// Milliseconds since 1970.
    pub first_received: i64,
}

impl Queue {
    /// A queue with the messages in `directory`.
    pub fn open(attributes: Attributes, directory: Option<PathBuf>) -> std::io::Result<Self> {
        let mut queue = Self { attributes, directory, held: Vec::new() };
        if let Some(directory) = &queue.directory {
            std::fs::create_dir_all(directory)?;
            for entry in std::fs::read_dir(directory)? {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "json") {
                    let kept: Kept = serde_json::from_slice(&std::fs::read(path)?)?;
                    queue.held.push(Held::new(kept));
                }
            }
            queue.held.sort_by(|one, other| (one.kept.sent, &one.kept.id).cmp(&(other.kept.sent, &other.kept.id)));
        }
        Ok(queue)
    }

    /// Adds a message that can be received after `delay`. Returns its id.
    pub fn send(&mut self, body: String, delay: Duration, now: OffsetDateTime) -> std::io::Result<String> {
        let id = uuid::Uuid::new_v4().to_string();
        self.take_over(Kept { id: id.clone(), body, sent: milliseconds(now), delayed: milliseconds(now + delay) })?;
        Ok(id)
    }

    /// Adds a message that has an id already.
    pub fn take_over(&mut self, kept: Kept) -> std::io::Result<()> {
        if let Some(file) = self.file(&kept.id) {
            let unfinished = file.with_extension("new");
            std::fs::write(&unfinished, serde_json::to_vec(&kept)?)?;
            std::fs::rename(unfinished, file)?;
        }
        self.held.push(Held::new(kept));
        Ok(())
    }

    /// Removes the visible messages that were received as often as they may be.
    pub fn take_received_too_often(&mut self, now: OffsetDateTime) -> Vec<Kept> {
        let Some(most) = self.attributes.redrive.as_ref().map(|redrive| redrive.max_receive_count) else {
            return Vec::new();
        };
        let is_dead = |held: &Held| held.visible <= now && held.received >= most;
        let (dead, held): (Vec<_>, _) = std::mem::take(&mut self.held).into_iter().partition(is_dead);
        self.held = held;
        dead.iter().for_each(|held| self.forget(&held.kept.id));
        dead.into_iter().map(|held| Kept { delayed: 0, ..held.kept }).collect()
    }

    /// Hides the message of a receipt from now on for this long.
    pub fn hide(&mut self, receipt: &str, hidden: Duration, now: OffsetDateTime) -> Result<(), Refusal> {
        let held = self.held.iter_mut().find(|held| held.receipt.as_deref() == Some(receipt));
        let held = held.ok_or_else(Refusal::receipt)?;
        if held.visible <= now {
            return Err(Refusal::not_in_flight());
        }
        if now + hidden > held.last_received + LONGEST_HIDING {
            return Err(Refusal::parameter(
                "VisibilityTimeout",
                "Total VisibilityTimeout for the message is beyond the limit",
            ));
        }
        held.visible = now + hidden;
        Ok(())
    }

    /// Receives at most `most` visible messages. They are hidden for `hidden`.
    pub fn receive(&mut self, most: usize, hidden: Duration, now: OffsetDateTime) -> Vec<Received> {
        self.expire(now);
        let visible = self.held.iter_mut().filter(|held| held.visible <= now);
        visible.take(most).map(|held| held.received(hidden, now)).collect()
    }

    /// Deletes the message of a receipt. As in SQS, it is no error if there is none.
    pub fn delete(&mut self, receipt: &str) {
        let place = self.held.iter().position(|held| held.receipt.as_deref() == Some(receipt));
        if let Some(place) = place {
            let held = self.held.remove(place);
            self.forget(&held.kept.id);
        }
    }

    /// Deletes all messages.
    pub fn purge(&mut self) {
        for held in std::mem::take(&mut self.held) {
            self.forget(&held.kept.id);
        }
    }

    /// The numbers of messages that are visible, that are received but not deleted, and that are delayed.
    pub fn counts(&mut self, now: OffsetDateTime) -> [usize; 3] {
        self.expire(now);
        let count = |wanted: &dyn Fn(&Held) -> bool| self.held.iter().filter(|held| wanted(held)).count();
        let is_hidden = |held: &Held| held.visible > now;
        [
            count(&|held| !is_hidden(held)),
            count(&|held| is_hidden(held) && held.received > 0),
            count(&|held| is_hidden(held) && held.received == 0),
        ]
    }

    /// All messages, also the hidden ones.
    pub fn messages(&mut self, now: OffsetDateTime) -> Vec<Message> {
        self.expire(now);
        self.held.iter().map(Held::message).collect()
    }

    fn expire(&mut self, now: OffsetDateTime) {
        let oldest = milliseconds(now - self.attributes.retention);
        let (old, held) = std::mem::take(&mut self.held).into_iter().partition(|held| held.kept.sent < oldest);
        self.held = held;
        let old: Vec<Held> = old;
        old.iter().for_each(|held| self.forget(&held.kept.id));
    }

    fn file(&self, id: &str) -> Option<PathBuf> {
        self.directory.as_ref().map(|directory| directory.join(id).with_extension("json"))
    }

    fn forget(&self, id: &str) {
        if let Some(file) = self.file(id) {
            // If this fails, the message comes again after a restart. Receivers must expect that of any message.
            let _ = std::fs::remove_file(file);
        }
    }
}

impl Held {
    /// A message that nobody has received yet.
    fn new(kept: Kept) -> Self {
        let visible = time_of(kept.delayed);
        Self { kept, visible, received: 0, first_received: None, last_received: visible, receipt: None }
    }

    fn received(&mut self, hidden: Duration, now: OffsetDateTime) -> Received {
        let receipt = uuid::Uuid::new_v4().to_string();
        self.visible = now + hidden;
        self.received += 1;
        self.last_received = now;
        self.receipt = Some(receipt.clone());
        let first = *self.first_received.get_or_insert(now);
        Received {
            id: self.kept.id.clone(),
            body: self.kept.body.clone(),
            receipt,
            count: self.received,
            sent: self.kept.sent,
            first_received: milliseconds(first),
        }
    }

    fn message(&self) -> Message {
        Message {
            id: self.kept.id.clone(),
            body: self.kept.body.clone(),
            at: crate::times::milliseconds(time_of(self.kept.sent)),
            received: self.received,
        }
    }
}

/// The digest of a body, which clients check.
pub fn digest(body: &str) -> String {
    hex::encode(Md5::digest(body))
}

fn time_of(milliseconds: i64) -> OffsetDateTime {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000);
    time.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn milliseconds(at: OffsetDateTime) -> i64 {
    (at.unix_timestamp_nanos() / 1_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: Duration = Duration::from_secs(30);

    fn queue(directory: Option<PathBuf>) -> Queue {
        Queue::open(Attributes::default(), directory).unwrap()
    }

    fn bodies(received: &[Received]) -> Vec<&str> {
        received.iter().map(|message| message.body.as_str()).collect()
    }

    #[test]
    fn a_message_is_hidden_once_received_and_comes_again_unless_it_is_deleted() {
        let (mut queue, now) = (queue(None), OffsetDateTime::now_utc());
        for body in ["a", "b", "c"] {
            queue.send(body.into(), Duration::ZERO, now).unwrap();
        }
        let first = queue.receive(2, HIDDEN, now);
        assert_eq!(bodies(&first), ["a", "b"]);
        assert_eq!(queue.counts(now), [1, 2, 0]);
        assert_eq!(bodies(&queue.receive(10, HIDDEN, now)), ["c"]);
        assert!(queue.receive(10, HIDDEN, now + HIDDEN - Duration::from_millis(1)).is_empty());
        queue.delete(&first[0].receipt);
        queue.delete(&first[0].receipt);
        queue.delete("nobody's");
        let again = queue.receive(10, HIDDEN, now + HIDDEN);
        assert_eq!(bodies(&again), ["b", "c"]);
        assert_eq!((again[0].count, again[0].first_received), (2, first[1].first_received));
        // The receipt of an earlier receiver is no longer valid.
        queue.delete(&first[1].receipt);
        assert_eq!(queue.messages(now).len(), 2);
        queue.purge();
        assert_eq!(queue.counts(now + HIDDEN * 3), [0, 0, 0]);
    }

    #[test]
    fn messages_can_be_delayed_and_expire() {
        let (mut queue, now) = (queue(None), OffsetDateTime::now_utc());
        queue.send("late".into(), HIDDEN, now).unwrap();
        assert_eq!((queue.counts(now), queue.receive(1, HIDDEN, now).len()), ([0, 0, 1], 0));
        assert_eq!(queue.receive(1, HIDDEN, now + HIDDEN).len(), 1);
        let end = now + queue.attributes.retention;
        assert_eq!(queue.messages(end).len(), 1);
        assert!(queue.messages(end + Duration::from_millis(1)).is_empty());
    }

    #[test]
    fn a_received_message_can_be_hidden_for_up_to_twelve_hours() {
        let (mut queue, now) = (queue(None), OffsetDateTime::now_utc());
        queue.send("x".into(), Duration::ZERO, now).unwrap();
        let receipt = queue.receive(1, HIDDEN, now)[0].receipt.clone();
        let hour = Duration::from_secs(3600);
        assert_eq!(queue.hide("nobody's", hour, now), Err(Refusal::receipt()));
        assert!(queue.hide(&receipt, hour * 12 + HIDDEN, now).is_err());
        queue.hide(&receipt, hour * 2, now).unwrap();
        assert!(queue.receive(1, HIDDEN, now + hour).is_empty());
        // The limit counts from when it was received.
        assert!(queue.hide(&receipt, hour * 12, now + hour).is_err());
        queue.hide(&receipt, Duration::ZERO, now + hour).unwrap();
        assert_eq!(queue.hide(&receipt, hour, now + hour), Err(Refusal::not_in_flight()));
        assert_eq!(queue.receive(1, HIDDEN, now + hour)[0].count, 2);
    }

    #[test]
    fn messages_in_a_directory_survive_a_restart_unless_they_were_deleted() {
        let directory = std::env::temp_dir().join(format!("sotto-queue-{}", uuid::Uuid::new_v4().simple()));
        let now = OffsetDateTime::now_utc();
        let mut before = queue(Some(directory.clone()));
        for (body, later) in [("one", 0), ("two", 1), ("three\n\u{e9}", 2)] {
            before.send(body.into(), Duration::ZERO, now + Duration::from_millis(later)).unwrap();
        }
        before.send("delayed".into(), HIDDEN, now).unwrap();
        let first = before.receive(1, HIDDEN, now);
        before.delete(&first[0].receipt);
        let mut after = queue(Some(directory.clone()));
        let later = now + Duration::from_millis(2);
        assert_eq!(bodies(&after.receive(10, HIDDEN * 2, later)), ["two", "three\n\u{e9}"]);
        assert_eq!(bodies(&after.receive(10, HIDDEN, later + HIDDEN)), ["delayed"]);
        after.purge();
        assert!(queue(Some(directory.clone())).messages(now).is_empty());
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_digest_is_md5() {
        assert_eq!(digest(""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(digest("This is a test message"), "fafb00f5732ab283681e124bf8747ed1");
    }
}
