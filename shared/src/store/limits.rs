//! The exact sliding window: one slot in an item for each hit that the window allows. A hit takes a slot that is free, or
//! whose last hit has left the window, by a condition in the write; so no window ever holds one hit too many, however
//! many instances write at once.

use std::time::Duration;

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use super::{Item, Outcome, Refused, Step, Store, StoreError, keys::Key, number};
use crate::{tokens::random, types::Timestamp};

/// Each try learns which slots are taken, so it is the last but for others that race for the same few slots.
pub(super) const TRIES: usize = 64;

/// At most `hits` in any `window`.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    pub name: &'static str,
    pub hits: u32,
    pub window: Duration,
}

/// The window is full: one more is accepted after this many seconds.
#[derive(Debug, Clone, Copy)]
pub struct TooMany {
    pub quota: Quota,
    pub retry_after: u64,
}

/// One client's hits on one quota, as last seen in the store.
pub struct Meter {
    quota: Quota,
    /// Keyed hashes of the client: the first decides, the others must come to the same hits (limits.rs says when).
    clients: Vec<String>,
    /// Microseconds since the epoch of each slot's last hit; 0 for none.
    slots: Vec<i64>,
}

/// A slot that a hit may take, or has taken.
#[derive(Clone, Copy)]
pub struct Hit {
    slot: usize,
    at: i64,
}

impl Meter {
    /// A meter that knows of no hits yet: it learns them from the first write that fails.
    pub fn blank(quota: Quota, clients: Vec<String>) -> Self {
        Self { quota, clients, slots: vec![0; quota.hits as usize] }
    }

    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// How many more hits the window takes at `now`.
    pub fn remaining(&self, now: Timestamp) -> usize {
        self.slots.iter().filter(|&&at| at <= self.horizon(now)).count()
    }

    /// Seconds until the oldest hit leaves the window; the whole window when there is none.
    pub fn reset(&self, now: Timestamp) -> u64 {
        let oldest = self.slots.iter().filter(|&&at| at > self.horizon(now)).min();
        let leaves = oldest.map_or(now, |at| Timestamp::from_millis(at / 1000)).after(self.quota.window);
        (leaves.millis() - now.millis()).unsigned_abs().div_ceil(1000)
    }

    /// A free slot, any of them, so that hits that race seldom meet.
    pub fn free_slot(&self, now: Timestamp) -> Result<Hit, TooMany> {
        let free: Vec<usize> = (0..self.slots.len()).filter(|&slot| self.slots[slot] <= self.horizon(now)).collect();
        let [dice, fine] = random::<2>();
        if free.is_empty() {
            return Err(TooMany { quota: self.quota, retry_after: self.reset(now) });
        }
        let slot = free[usize::from(dice) % free.len()];
        // What is finer than a millisecond tells our own hit from another one of the same millisecond.
        Ok(Hit { slot, at: now.millis() * 1000 + i64::from(fine) })
    }

    /// The writes that take the slot, or fail with the item as it is.
    pub(super) fn take(&self, table: &str, hit: Hit, now: Timestamp) -> Vec<Step> {
        let ttl = now.after(self.quota.window + Duration::from_secs(60)).seconds();
        self.writes(table, hit, |update| {
            update
                .update_expression("SET #slot = :at, #ttl = :ttl")
                .condition_expression("attribute_not_exists(#slot) OR #slot <= :horizon")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", number(ttl))
                .expression_attribute_values(":horizon", number(self.horizon(now)))
        })
    }

    pub(super) fn release(&self, table: &str, hit: Hit) -> Vec<Step> {
        self.writes(table, hit, |update| update.update_expression("REMOVE #slot").condition_expression("#slot = :at"))
    }

    fn writes(
        &self,
        table: &str,
        hit: Hit,
        change: impl Fn(
            aws_sdk_dynamodb::types::builders::UpdateBuilder,
        ) -> aws_sdk_dynamodb::types::builders::UpdateBuilder,
    ) -> Vec<Step> {
        let step = |client: &String| {
            let update = change(Update::builder())
                .table_name(table)
                .set_key(Some(Key::limit(self.quota.name, client).into_item()))
                .expression_attribute_names("#slot", format!("s{}", hit.slot))
                .expression_attribute_values(":at", number(hit.at))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .expect("an update with table, key and expression");
            Step { action: "dynamodb:UpdateItem", item: TransactWriteItem::builder().update(update).build() }
        };
        self.clients.iter().map(step).collect()
    }

    /// Notes a hit that was taken.
    pub(super) fn note(&mut self, hit: Hit) {
        if let Some(slot) = self.slots.get_mut(hit.slot) {
            *slot = hit.at;
        }
    }

    /// Notes that a hit was given back.
    pub(super) fn forget(&mut self, hit: Hit) {
        if let Some(slot) = self.slots.get_mut(hit.slot) {
            *slot = 0;
        }
    }

    /// Notes what others took: the later hit of each slot counts.
    pub(super) fn learn(&mut self, item: &Item) {
        for (slot, at) in self.slots.iter_mut().enumerate() {
            let seen = item.get(&format!("s{slot}")).and_then(|value| value.as_n().ok()).and_then(|n| n.parse().ok());
            *at = (*at).max(seen.unwrap_or(0));
        }
    }

    pub(super) fn learn_all(&mut self, refused: &[Refused]) {
        refused.iter().filter_map(|refused| refused.item.as_ref()).for_each(|item| self.learn(item));
    }

    /// Hits at or before this microsecond have left the window: all those of the millisecond that is a window ago.
    fn horizon(&self, now: Timestamp) -> i64 {
        (now.millis() - self.quota.window.as_millis() as i64) * 1000 + 999
    }
}

impl Store {
    pub async fn meter(&self, quota: Quota, clients: Vec<String>) -> Result<Meter, StoreError> {
        let key = Key::limit(quota.name, clients.first().map_or("", String::as_str));
        let mut meter = Meter::blank(quota, clients);
        self.get_item(key).await?.iter().for_each(|item| meter.learn(item));
        Ok(meter)
    }

    /// Takes a slot for what is about to be tried, before it is tried.
    pub async fn take(&self, meter: &mut Meter, now: Timestamp) -> Result<Result<Hit, TooMany>, StoreError> {
        for _ in 0..TRIES {
            let hit = match meter.free_slot(now) {
                Ok(hit) => hit,
                Err(full) => return Ok(Err(full)),
            };
            match self.transact(meter.take(&self.table, hit, now)).await? {
                Outcome::Done => {
                    meter.note(hit);
                    return Ok(Ok(hit));
                }
                Outcome::Refused(refused) => meter.learn_all(&refused),
            }
        }
        Err(StoreError::no_slot())
    }

    /// Gives a slot back: what was tried is not to be counted.
    pub async fn release(&self, meter: &Meter, hit: Hit) -> Result<(), StoreError> {
        self.transact(meter.release(&self.table, hit)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUOTA: Quota = Quota { name: "test", hits: 5, window: Duration::from_secs(60) };

    #[test]
    fn a_full_window_says_when_its_oldest_hit_leaves() {
        let start = Timestamp::from_millis(1_770_000_000_000);
        let mut meter = Meter::blank(QUOTA, vec!["client".to_owned()]);
        assert_eq!((meter.remaining(start), meter.reset(start)), (5, 60));
        for second in 0..5 {
            let now = start.after(Duration::from_secs(second));
            meter.note(meter.free_slot(now).unwrap());
        }
        let now = start.after(Duration::from_secs(5));
        let full = meter.free_slot(now).err().unwrap();
        assert_eq!(full.retry_after, 55);
        assert!(meter.free_slot(now.after(Duration::from_secs(full.retry_after))).is_ok());
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_quota(pauses in prop::collection::vec(0u64..30_000, 1..200)) {
            let mut now = Timestamp::from_millis(1_770_000_000_000);
            let mut meter = Meter::blank(QUOTA, vec!["client".to_owned()]);
            let mut accepted: Vec<i64> = Vec::new();
            for pause in pauses {
                now = now.after(Duration::from_millis(pause));
                if let Ok(hit) = meter.free_slot(now) {
                    meter.note(hit);
                    accepted.push(now.millis());
                    let window = accepted.iter().filter(|&&at| at > now.millis() - 60_000).count();
                    prop_assert!(window <= 5);
                }
            }
        }
    }
}
