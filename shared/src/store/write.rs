//! Writes that come with a rate limit and an idempotency key: all in one transaction, so that what is refused stores nothing
//! and takes nothing from a limit, and what is accepted is counted and kept exactly once.

use super::{
    Outcome, Refused, Step, Store, StoreError,
    limits::{Hit, Meter, TRIES, TooMany},
    once::{Once, Repeat},
};
use crate::types::Timestamp;

/// What must hold for a write besides its own conditions.
pub struct Guards<'a> {
    /// `None` for a write that no quota limits, or whose limiter is down and fails open.
    pub meter: Option<Meter<'a>>,
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
    /// With the hit that it was counted as.
    Done(Option<Hit>),
    Stopped(Stopped),
    /// A condition of the write itself failed: per step, in order.
    Refused(Vec<Refused>),
}

impl Store {
    /// Writes `steps` under `guards`; afterwards the meter knows of the hit.
    pub(super) async fn write(&self, guards: &mut Guards<'_>, steps: Vec<Step>) -> Result<Written, StoreError> {
        for _ in 0..TRIES {
            let hit = match guards.meter.as_ref().map(|meter| meter.free_slot(guards.now)).transpose() {
                Ok(hit) => hit,
                Err(full) => {
                    // The window may be full of the very request that this one repeats.
                    let repeat = self.repeat(guards.once.as_ref()).await?;
                    let stopped = repeat.map_or(Stopped::Limited(full), Stopped::Repeated);
                    return Ok(Written::Stopped(stopped));
                }
            };
            let taken = guards.meter.as_ref().zip(hit.as_ref());
            let mut all = taken.map(|(meter, hit)| meter.take(&self.table, hit, guards.now)).unwrap_or_default();
            let hits = all.len();
            if let Some(once) = &guards.once {
                all.push(once.keep(&self.table, &guards.answer)?);
            }
            let own = all.len();
            all.extend(steps.iter().cloned());

            let mut refused = match self.transact(all).await? {
                Outcome::Done => {
                    if let (Some(meter), Some(hit)) = (&mut guards.meter, &hit) {
                        meter.note(hit);
                    }
                    return Ok(Written::Done(hit));
                }
                Outcome::Refused(refused) => refused,
            };
            let own = refused.split_off(own.min(refused.len()));
            let kept = refused.split_off(hits.min(refused.len())).pop().and_then(|kept| kept.item);
            if let (Some(once), Some(kept)) = (&guards.once, kept)
                && let Some(repeat) = once.read(kept)?
            {
                return Ok(Written::Stopped(Stopped::Repeated(repeat)));
            }
            if own.iter().any(|step| step.failed) {
                return Ok(Written::Refused(own));
            }
            // Another hit took the slot first: the item that came back says which are free.
            guards.meter.iter_mut().for_each(|meter| meter.learn(&refused));
        }
        Err(StoreError::no_slot())
    }

    /// The writes that undo what the guards of a finished write did.
    pub(super) fn undo(&self, guards: &mut Guards<'_>, hit: Option<&Hit>) -> Vec<Step> {
        let mut steps = Vec::new();
        if let (Some(meter), Some(hit)) = (&mut guards.meter, hit) {
            steps = meter.release(&self.table, hit);
            meter.forget(hit);
        }
        steps.extend(guards.once.as_ref().map(|once| self.delete_step(once.item_key(), None)));
        steps
    }
}
