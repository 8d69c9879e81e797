//! What the functions have sent to the world outside, for people and tests to look at.

use crate::times;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;

/// How many messages are kept; older ones are forgotten.
const KEPT: usize = 10_000;

/// Every message that the stack's recorders took (the last 10,000), and a way to wait for one.
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

    /// Keeps a message of the kind `kind`, sent now, with the members of `said`.
    pub(crate) fn push(&self, kind: &str, said: Value) {
        let mut entry = json!({"kind": kind});
        if let (Some(entry), Value::Object(said)) = (entry.as_object_mut(), said) {
            entry.extend(said);
            entry.insert("at".into(), times::milliseconds(OffsetDateTime::now_utc()).into());
        }
        let mut entries = self.lock();
        entries.push_front(entry);
        entries.truncate(KEPT);
        drop(entries);
        self.0.changed.send_replace(());
    }

    /// The messages so far, newest first: `{"kind": "email", "from", "to", "subject", "text", "html", "headers", "at"}`
    /// and `{"kind": "push", "endpoint", "headers", "body", "at"}`, whose body is base64.
    pub fn entries(&self) -> Vec<Value> {
        self.lock().iter().cloned().collect()
    }

    /// The newest message for which `wanted` is true, as soon as there is one; `None` when there is none within
    /// `deadline`.
    pub async fn wait(&self, wanted: impl Fn(&Value) -> bool, deadline: Duration) -> Option<Value> {
        let mut changed = self.0.changed.subscribe();
        let found = async {
            loop {
                changed.borrow_and_update();
                let found = self.lock().iter().find(|entry| wanted(entry)).cloned();
                // The sender lives as long as the outbox, so this can't fail while we hold it.
                if found.is_some() || changed.changed().await.is_err() {
                    return found;
                }
            }
        };
        tokio::time::timeout(deadline, found).await.ok().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Value>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
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
