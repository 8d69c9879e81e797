//! Writes that come with a rate limit and an idempotency key: all in one transaction, so that what is refused stores nothing
//! and takes nothing from a limit, and what is accepted is counted and kept exactly once.

use super::{
    Outcome, Refused, Store, StoreError, TransactItem,
    limits::{Hit, Meter, TRIES, TooMany},
    once::{Once, Repeat},
};
use crate::types::Timestamp;

/// What must hold for a write besides its own conditions.
pub struct Guards<'a> {
    /// Of every quota that limits the write, but for those whose limiter is down and fails open.
    pub meters: Vec<Meter<'a>>,
    pub once: Option<Once<'a>>,
    /// The body of the answer that the caller gets when the write is done.
    pub answer: String,
    pub now: Timestamp,
}

/// What a guard ended a write with.
pub enum Stopped {
    Limited(TooMany),
    Repeated(Repeat),
}

/// How a guarded write ended.
pub(super) enum Written {
    /// With the hits that it was counted as, one for each meter.
    Done(Vec<Hit>),
    Stopped(Stopped),
    /// A condition of the write itself failed: per step, in order.
    Refused(Vec<Refused>),
}

impl Store {
    /// Writes `steps` under `guards`; afterwards the meters know of the hits.
    pub(super) async fn write(&self, guards: &mut Guards<'_>, steps: Vec<TransactItem>) -> Result<Written, StoreError> {
        for _ in 0..TRIES {
            let hits: Result<Vec<Hit>, TooMany> =
                guards.meters.iter().map(|meter| meter.free_slot(guards.now)).collect();
            let hits = match hits {
                Ok(hits) => hits,
                Err(full) => {
                    // The window may be full of the very request that this one repeats.
                    let repeat = self.repeat(guards.once.as_ref()).await?;
                    let stopped = repeat.map_or(Stopped::Limited(full), Stopped::Repeated);
                    return Ok(Written::Stopped(stopped));
                }
            };
            let taken = guards.meters.iter().zip(&hits);
            let mut all: Vec<TransactItem> =
                taken.flat_map(|(meter, hit)| meter.take(&self.table, hit, guards.now)).collect();
            let counts = all.len();
            if let Some(once) = &guards.once {
                all.push(once.keep(self, &guards.answer)?);
            }
            let own = all.len();
            all.extend(steps.iter().cloned());

            let mut refused = match self.transact(all).await? {
                Outcome::Done => {
                    guards.meters.iter_mut().zip(&hits).for_each(|(meter, hit)| meter.note(hit));
                    return Ok(Written::Done(hits));
                }
                Outcome::Refused(refused) => refused,
            };
            let own = refused.split_off(own.min(refused.len()));
            let kept = refused.split_off(counts.min(refused.len())).pop().and_then(|kept| kept.item);
            if let (Some(once), Some(kept)) = (&guards.once, kept)
                && let Some(repeat) = once.read(kept)?
            {
                return Ok(Written::Stopped(Stopped::Repeated(repeat)));
            }
            if own.iter().any(|step| step.failed) {
                return Ok(Written::Refused(own));
            }
            // Another hit took a slot first: the items that came back say which are free.
            for meter in &mut guards.meters {
                let rest = refused.split_off(meter.names().min(refused.len()));
                meter.learn(&std::mem::replace(&mut refused, rest));
            }
        }
        Err(StoreError::no_slot())
    }

    /// Keeps the answer to a request that writes nothing else; without a key there is nothing to keep.
    pub async fn keep_answer(&self, guards: &mut Guards<'_>) -> Result<Option<Repeat>, StoreError> {
        if guards.once.is_none() {
            return Ok(None);
        }
        match self.write(guards, Vec::new()).await? {
            Written::Stopped(Stopped::Repeated(repeat)) => Ok(Some(repeat)),
            Written::Done(_) | Written::Stopped(Stopped::Limited(_)) | Written::Refused(_) => Ok(None),
        }
    }

    /// The writes that undo what the guards of a finished write did.
    pub(super) fn undo(&self, guards: &mut Guards<'_>, hits: &[Hit]) -> Vec<TransactItem> {
        let mut steps = Vec::new();
        for (meter, hit) in guards.meters.iter_mut().zip(hits) {
            steps.extend(meter.release(&self.table, hit));
            meter.forget(hit);
        }
        steps.extend(guards.once.as_ref().map(|once| self.transact_delete(once.item_key(), None)));
        steps
    }
}
