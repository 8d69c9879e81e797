//! Requests that carry an `Idempotency-Key`: the answer to the first one is kept for 24 hours, in the transaction that does what it
//! asks. Only keyed hashes of the key and the body are kept. The answer is sealed under the idempotency key itself, so that a secret
//! that was shown once (an admin token) stays readable only to whoever sent the key.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Item, Store, StoreError, from_item, keys::Key, text, to_item, transact::TransactItem};
use crate::{
    tokens::{Purpose, Tokens},
    types::{IdempotencyKey, Timestamp},
};

const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a request is taken to be under way: longer than any function lives.
const UNDER_WAY_FOR: Duration = Duration::from_secs(30);

/// How long a request waits for the first one with its key, once the record says that it is under way.
const WAITS: u32 = 10;
const WAIT: Duration = Duration::from_millis(100);

/// One request that must happen once: its endpoint and scope, its key, its body.
#[derive(Clone)]
pub struct IdempotencyRecord {
    tokens: Tokens,
    endpoint: &'static str,
    scope: String,
    key: IdempotencyKey,
    body_hash: String,
    now: Timestamp,
    /// The answer is good for this target only. It is known only after the record was read.
    bound_to: Option<String>,
    /// The request is not done with the write that keeps its answer.
    is_under_way: bool,
}

/// The state of the first request with a key, as a later request with that key finds it.
pub enum Replay {
    /// The first answer.
    Answer { status: u16, body: String },
    /// The key belongs to a request with another body.
    OtherBody,
    /// The first request is under way, or its function died.
    UnderWay,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    body_hash: String,
    answer: String,
    #[serde(rename = "answer_status")]
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_to: Option<String>,
    /// The answer counts once this is gone. A later request after this time is the first again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_until: Option<Timestamp>,
    /// TTL deletes late: until then this decides.
    expires_at: Timestamp,
    ttl: i64,
}

/// A record that was found, not yet judged.
pub struct Found(Kept);

impl IdempotencyRecord {
    /// `scope` is what the key is scoped to besides the endpoint. Two requests are the same when their `body` is.
    pub fn new(
        tokens: Tokens,
        endpoint: &'static str,
        scope: &str,
        key: IdempotencyKey,
        body: &[u8],
        now: Timestamp,
    ) -> Self {
        let body_hash = hex::encode(tokens.keyed_hash(Purpose::RequestBody, &[body]));
        let scope = scope.to_owned();
        Self { tokens, endpoint, scope, key, body_hash, now, bound_to: None, is_under_way: false }
    }

    /// For a request that is done only after the write that keeps its answer: until [`Store::settle`] it is under way.
    pub fn under_way(self) -> Self {
        Self { is_under_way: true, ..self }
    }

    /// The answer is one for `target` only, such as the link that has a slug now.
    pub fn bind_to(&mut self, target: &str) {
        let hash = self.tokens.keyed_hash(Purpose::IdempotencyKey, &[b"target", target.as_bytes()]);
        self.bound_to = Some(hex::encode(&hash[..16]));
    }

    pub(super) fn item_key(&self) -> Key {
        let parts = [self.scope.as_bytes(), self.key.as_str().as_bytes()];
        Key::idempotency(self.endpoint, &hex::encode(self.tokens.keyed_hash(Purpose::IdempotencyKey, &parts)))
    }

    fn seal_key(&self) -> [&[u8]; 3] {
        [self.endpoint.as_bytes(), self.scope.as_bytes(), self.key.as_str().as_bytes()]
    }

    /// The write that keeps the answer, or fails with the record that is kept already.
    pub(super) fn keep(&self, store: &Store, status: u16, body: &str) -> Result<TransactItem, StoreError> {
        let expires_at = self.now.after(KEPT_FOR);
        let kept = Kept {
            body_hash: self.body_hash.clone(),
            answer: self.tokens.seal(Purpose::KeptAnswer, &self.seal_key(), body),
            status,
            bound_to: self.bound_to.clone(),
            pending_until: self.is_under_way.then(|| self.now.after(UNDER_WAY_FOR)),
            expires_at,
            ttl: expires_at.seconds(),
        };
        let mut condition = "attribute_not_exists(pk) OR expires_at <= :now OR pending_until <= :now".to_owned();
        let mut values = vec![(":now", text(self.now))];
        if let Some(bound_to) = &self.bound_to {
            condition += " OR bound_to <> :bound";
            values.push((":bound", text(bound_to)));
        }
        Ok(store.transact_put(to_item(self.item_key(), &kept)?, Some(&condition), values))
    }

    /// Interprets a record for this request. `None`: the request is the first with its key.
    pub fn judge(&self, Found(kept): Found) -> Result<Option<Replay>, StoreError> {
        let is_other_target = self.bound_to.is_some() && self.bound_to != kept.bound_to;
        let is_over = kept.expires_at <= self.now || kept.pending_until.is_some_and(|until| until <= self.now);
        if is_over || is_other_target {
            return Ok(None);
        }
        if kept.body_hash != self.body_hash {
            return Ok(Some(Replay::OtherBody));
        }
        if kept.pending_until.is_some() {
            return Ok(Some(Replay::UnderWay));
        }
        let body = self.tokens.open(Purpose::KeptAnswer, &self.seal_key(), &kept.answer);
        let body = body.ok_or_else(|| StoreError::Unexpected("a kept answer can't be opened"))?;
        Ok(Some(Replay::Answer { status: kept.status, body }))
    }

    pub(super) fn read(&self, item: Item) -> Result<Option<Replay>, StoreError> {
        self.judge(Found(from_item(item)?))
    }
}

impl Store {
    /// The request of a record that was kept as under way is done: its answer is one.
    pub async fn settle(&self, record: &IdempotencyRecord) -> Result<(), StoreError> {
        let settled = self.update(record.item_key(), |update| {
            update
                .update_expression("REMOVE pending_until")
                .condition_expression("body_hash = :body")
                .expression_attribute_values(":body", text(&record.body_hash))
        });
        settled.await.map(drop)
    }

    /// The record of the first request with this key, if there is one.
    pub async fn kept_answer(&self, record: &IdempotencyRecord) -> Result<Option<Found>, StoreError> {
        let item = self.get_item(record.item_key()).await?;
        item.map(|item| from_item(item).map(Found)).transpose()
    }

    /// The state of the first request with this key. Waits for its end while the record says that it is under way.
    pub async fn replay(&self, record: &IdempotencyRecord) -> Result<Option<Replay>, StoreError> {
        let mut waited = 0;
        loop {
            let replay = match self.kept_answer(record).await? {
                Some(found) => record.judge(found)?,
                None => None,
            };
            if !matches!(replay, Some(Replay::UnderWay)) || waited == WAITS {
                return Ok(replay);
            }
            waited += 1;
            tokio::time::sleep(WAIT).await;
        }
    }
}
