//! Writes of requests that create something: with the hits that they count as and the answer that is kept under their idempotency key,
//! all in one transaction. So a refused request stores nothing and takes nothing from a limit, and an accepted one is counted
//! and kept exactly once.

use std::convert::Infallible;

use super::{
    Store, StoreError,
    hits::{Hit, TooMany},
    idempotency::{IdempotencyRecord, Replay},
    transact::{Outcome, Refused, TransactItem},
};
use crate::types::Timestamp;

/// Each try learns what was in its way, so it is the last but for others that race for the same few places.
pub(super) const TRIES: usize = 64;

/// The parts of a write besides its own items.
pub struct WriteContext {
    pub record: Option<IdempotencyRecord>,
    /// Hits that the write is to take in its transaction; those that are counted already are not among them.
    pub(crate) hits: Vec<Hit>,
    /// The status of the answer, kept with its body.
    pub status: u16,
    pub now: Timestamp,
}

/// How the write of a request that creates something ended.
pub enum Written<R = Infallible> {
    /// With the body of the answer.
    Done(String),
    /// The first request with the same key was answered already.
    Replayed(Replay),
    OverLimit(TooMany),
    /// By the write's own conditions.
    Refused(R),
}

impl<R> Written<R> {
    /// The same, with the refusal as a family of writes words it.
    pub(crate) fn refused_as<S>(self, word: impl FnOnce(R) -> S) -> Written<S> {
        match self {
            Self::Done(body) => Written::Done(body),
            Self::Replayed(replay) => Written::Replayed(replay),
            Self::OverLimit(too_many) => Written::OverLimit(too_many),
            Self::Refused(refused) => Written::Refused(word(refused)),
        }
    }
}

impl Written<Vec<Refused>> {
    /// Of a write without conditions.
    pub(super) fn never_refused(self) -> Result<Written, StoreError> {
        match self {
            Self::Done(body) => Ok(Written::Done(body)),
            Self::Replayed(replay) => Ok(Written::Replayed(replay)),
            Self::OverLimit(too_many) => Ok(Written::OverLimit(too_many)),
            Self::Refused(_) => Err(StoreError::Unexpected("a write was refused without a condition")),
        }
    }
}

impl WriteContext {
    /// Of a write whose answer is not kept, and whose hits are counted already.
    pub fn without_answer(now: Timestamp) -> Self {
        Self { record: None, hits: Vec::new(), status: 200, now }
    }

    /// Whether the write stands alone, and so needs no transaction.
    pub(super) fn is_empty(&self) -> bool {
        self.record.is_none() && self.hits.is_empty()
    }
}

impl Store {
    /// Writes `items` together with the hits and the answer of `context`.
    pub(super) async fn write(
        &self,
        context: &mut WriteContext,
        body: &str,
        items: Vec<TransactItem>,
    ) -> Result<Written<Vec<Refused>>, StoreError> {
        for _ in 0..TRIES {
            let mut all: Vec<TransactItem> = context.hits.iter().flat_map(|hit| self.hit_items(hit)).collect();
            let hits = all.len();
            if let Some(record) = &context.record {
                all.push(record.keep(self, context.status, body)?);
            }
            let own = all.len();
            all.extend(items.iter().cloned());

            let mut refused = match self.transact(all).await? {
                Outcome::Done => return Ok(Written::Done(body.to_owned())),
                Outcome::Refused(refused) => refused,
            };
            let own = refused.split_off(own.min(refused.len()));
            let kept = refused.split_off(hits.min(refused.len())).pop().and_then(|kept| kept.item);
            if let (Some(record), Some(kept)) = (&context.record, kept)
                && let Some(replay) = record.read(kept)?
            {
                return Ok(Written::Replayed(replay));
            }
            if own.iter().any(|item| item.failed) {
                return Ok(Written::Refused(own));
            }
            // Other hits came first: the items that came back say whether there is room behind them.
            for hit in &mut context.hits {
                let rest = refused.split_off(hit.items().min(refused.len()));
                if let Err(too_many) = hit.learn(&std::mem::replace(&mut refused, rest)) {
                    return Ok(Written::OverLimit(too_many));
                }
            }
        }
        Err(StoreError::Busy("a limit or a record changed too often during a write"))
    }

    /// Keeps the answer to a request that writes nothing else.
    pub async fn keep_answer(&self, context: &mut WriteContext, body: String) -> Result<Written, StoreError> {
        if context.is_empty() {
            return Ok(Written::Done(body));
        }
        self.write(context, &body, Vec::new()).await?.never_refused()
    }

    /// The writes that undo what a finished write did for its context: the hits and the kept answer.
    pub(super) fn undo(&self, context: &WriteContext) -> Vec<TransactItem> {
        let mut items: Vec<TransactItem> = context.hits.iter().flat_map(|hit| self.unhit_items(hit)).collect();
        items.extend(self.forget_answer(context));
        items
    }

    /// The write that forgets the kept answer.
    pub(super) fn forget_answer(&self, context: &WriteContext) -> Option<TransactItem> {
        context.record.as_ref().map(|record| self.transact_delete(record.item_key(), None))
    }
}
