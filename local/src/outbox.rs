//! The mails and push messages that functions have sent, for people and tests.

use crate::times;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;

/// How many messages are kept. Older ones are dropped.
const KEPT: usize = 10_000;

/// The last 10,000 messages that the recorders have taken.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    /// The newest first.
    entries: Mutex<VecDeque<Value>>,
    changed: watch::Sender<()>,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { entries: Mutex::default(), changed: watch::Sender::new(()) }))
    }

    /// Adds a message of the kind `kind` with the given members, sent now.
    pub(crate) fn push(&self, kind: &str, members: Value) {
        let mut entry = json!({"kind": kind});
        if let (Some(entry), Value::Object(members)) = (entry.as_object_mut(), members) {
            entry.extend(members);
            entry.insert("at".into(), times::milliseconds(OffsetDateTime::now_utc()).into());
        }
        let mut entries = self.0.entries.lock();
        entries.push_front(entry);
        entries.truncate(KEPT);
        drop(entries);
        self.0.changed.send_replace(());
    }

    /// The messages so far, the newest first. A mail is `{"kind": "email", "from", "to", "subject", "text", "html",
    /// "headers", "at"}`. A push message is `{"kind": "push", "endpoint", "headers", "body", "at"}`, with a body in base64.
    pub fn entries(&self) -> Vec<Value> {
        self.0.entries.lock().iter().cloned().collect()
    }

    /// The messages for which `wanted` is true, newest first. Cheaper than [`Self::entries`] for whoever asks often: it copies
    /// only these.
    pub fn matching(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.0.entries.lock().iter().filter(|entry| wanted(entry)).cloned().collect()
    }

    /// How many messages of this kind there are.
    pub fn count(&self, kind: &str) -> usize {
        self.0.entries.lock().iter().filter(|entry| entry["kind"] == kind).count()
    }

    /// Waits for a message for which `wanted` is true, and returns the newest. `None`: there was none within `deadline`.
    pub async fn wait(&self, wanted: impl Fn(&Value) -> bool, deadline: Duration) -> Option<Value> {
        let mut changed = self.0.changed.subscribe();
        let found = async {
            loop {
                changed.borrow_and_update();
                let found = self.0.entries.lock().iter().find(|entry| wanted(entry)).cloned();
                // `changed` fails only when the outbox is gone, and we hold it.
                if found.is_some() || changed.changed().await.is_err() {
                    return found;
                }
            }
        };
        tokio::time::timeout(deadline, found).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_10_000_are_kept_newest_first() {
        let outbox = Outbox::new();
        for number in 0..KEPT + 2 {
            outbox.push("email", json!({"number": number}));
        }
        let entries = outbox.entries();
        assert_eq!(entries.len(), KEPT);
        assert_eq!((&entries[0]["number"], &entries[KEPT - 1]["number"]), (&json!(KEPT + 1), &json!(2)));
        let at = entries[0]["at"].as_str().unwrap();
        let parsed = OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).unwrap();
        assert!(at.len() == "2026-01-01T00:00:00.000Z".len() && parsed.offset().is_utc(), "{at}");
    }
}
