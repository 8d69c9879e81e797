//! Requests that carry an `Idempotency-Key`: the answer to the first one is kept for 24 hours, in the transaction that does
//! what it asks. Of the key and the body only keyed hashes are kept; the answer is sealed under the key itself, so that
//! what was shown once (an admin token) stays readable only to who asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Item, Store, StoreError, TransactItem, from_item, keys::Key, text, to_item};
use crate::{
    tokens::{Purpose, Tokens},
    types::{IdempotencyKey, Timestamp},
};

const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a request is taken to be under way: longer than any function lives.
const PENDING_FOR: Duration = Duration::from_secs(30);

/// How long a request waits for the first one with its key: as long as checking a PIN and writing takes.
const LATE_TRIES: u32 = 10;
const LATE_PAUSE: Duration = Duration::from_millis(100);

/// One request that must happen once: its endpoint and target, its key, its body.
pub struct Once<'a> {
    tokens: &'a Tokens,
    endpoint: &'static str,
    target: String,
    key: IdempotencyKey,
    body_hash: String,
    now: Timestamp,
    /// What it asks for is not done with the write that keeps its answer.
    is_pending: bool,
}

/// What a request met that is not the first with its key.
pub enum Repeat {
    /// The first answer's body.
    Answer(String),
    /// The key belongs to a request with another body.
    OtherBody,
    /// The first request is under way, or died on it.
    Pending,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    body_hash: String,
    answer: String,
    /// Until then the answer is not one yet; from then on whoever asks is the first again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_until: Option<Timestamp>,
    /// TTL deletes late: until then this decides.
    expires_at: Timestamp,
    ttl: i64,
}

impl<'a> Once<'a> {
    /// `target` is what the key is scoped to besides the endpoint; `body` is what makes two requests the same.
    pub fn new(
        tokens: &'a Tokens,
        endpoint: &'static str,
        target: &str,
        key: IdempotencyKey,
        body: &[u8],
        now: Timestamp,
    ) -> Self {
        let body_hash = hex::encode(tokens.keyed_hash(Purpose::RequestBody, &[body]));
        Self { tokens, endpoint, target: target.to_owned(), key, body_hash, now, is_pending: false }
    }

    /// For what is done only after the write that keeps the answer: until [`Store::settle`] it is not one.
    pub fn pending(self) -> Self {
        Self { is_pending: true, ..self }
    }

    pub(super) fn item_key(&self) -> Key {
        let parts = [self.target.as_bytes(), self.key.as_str().as_bytes()];
        Key::once(self.endpoint, &hex::encode(self.tokens.keyed_hash(Purpose::IdempotencyKey, &parts)))
    }

    fn seal_key(&self) -> [&[u8]; 3] {
        [self.endpoint.as_bytes(), self.target.as_bytes(), self.key.as_str().as_bytes()]
    }

    /// The write that keeps `answer`, or fails with what is kept already.
    pub(super) fn keep(&self, store: &Store, answer: &str) -> Result<TransactItem, StoreError> {
        let expires_at = self.now.after(KEPT_FOR);
        let kept = Kept {
            body_hash: self.body_hash.clone(),
            answer: self.tokens.seal(Purpose::KeptAnswer, &self.seal_key(), answer),
            pending_until: self.is_pending.then(|| self.now.after(PENDING_FOR)),
            expires_at,
            ttl: expires_at.seconds(),
        };
        Ok(store.transact_put(
            to_item(self.item_key(), &kept)?,
            Some("attribute_not_exists(pk) OR expires_at <= :now OR pending_until <= :now"),
            [(":now", text(self.now))],
        ))
    }

    pub(super) fn read(&self, item: Item) -> Result<Option<Repeat>, StoreError> {
        let kept: Kept = from_item(item)?;
        if kept.expires_at <= self.now || kept.pending_until.is_some_and(|until| until <= self.now) {
            return Ok(None);
        }
        if kept.body_hash != self.body_hash {
            return Ok(Some(Repeat::OtherBody));
        }
        if kept.pending_until.is_some() {
            return Ok(Some(Repeat::Pending));
        }
        let answer = self.tokens.open(Purpose::KeptAnswer, &self.seal_key(), &kept.answer);
        answer.map(Repeat::Answer).map(Some).ok_or_else(|| StoreError::Unexpected("a kept answer can't be opened"))
    }
}

impl Store {
    /// What `once` asks for is done: its answer is one.
    pub async fn settle(&self, once: &Once<'_>) -> Result<(), StoreError> {
        let settled = self.update(once.item_key(), |update| {
            update
                .update_expression("REMOVE pending_until")
                .condition_expression("body_hash = :body")
                .expression_attribute_values(":body", text(&once.body_hash))
        });
        settled.await.map(drop)
    }

    /// What the first request with this key got; `None` for the first one, and for a request without a key.
    pub async fn repeat(&self, once: Option<&Once<'_>>) -> Result<Option<Repeat>, StoreError> {
        let Some(once) = once else { return Ok(None) };
        match self.get_item(once.item_key()).await? {
            Some(item) => once.read(item),
            None => Ok(None),
        }
    }

    /// What the first request with this key gets, waited for: it may be under way.
    pub async fn late_repeat(&self, once: Option<&Once<'_>>) -> Result<Option<Repeat>, StoreError> {
        for _ in 0..LATE_TRIES {
            match self.repeat(once).await? {
                None | Some(Repeat::Pending) if once.is_some() => tokio::time::sleep(LATE_PAUSE).await,
                repeat => return Ok(repeat),
            }
        }
        Ok(None)
    }
}
