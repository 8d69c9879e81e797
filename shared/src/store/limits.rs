//! The exact sliding window: one slot in an item for each hit that the window allows. A hit replaces a slot that is empty, or
//! whose last hit has left the window, on the condition that it is still what was read; so no window ever holds one hit too
//! many, however many instances write at once.
//!
//! What a slot holds is masked under a key outside the store. Otherwise the times of hits would say which messages have one
//! sender: a message shows when it was written.

use std::time::Duration;

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Update, builders::UpdateBuilder},
};
use futures_util::future::try_join_all;

use super::{
    Item, Outcome, Refused, Store, StoreError, TransactItem,
    keys::Key,
    mask::{Mask, Masked},
    number,
};
use crate::{
    tokens::{Tokens, random},
    types::Timestamp,
};

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

/// How full a window is, as an answer tells it.
pub struct Gauge {
    pub quota: Quota,
    pub remaining: usize,
    /// Seconds until there is room for one more than remain.
    pub reset: u64,
}

/// One client's hits on one quota, as last seen in the store.
pub struct Meter<'a> {
    mask: Mask<'a>,
    quota: Quota,
    /// The client's names (limits.rs says why there may be two), each with its item. A hit goes into all of them.
    clients: Vec<Slots>,
}

struct Slots {
    client: String,
    masked: Vec<Option<Masked>>,
}

/// A slot that a hit may take, or has taken, with what each of the client's items then holds in it.
pub struct Hit {
    slot: usize,
    masked: Vec<Masked>,
}

impl<'a> Meter<'a> {
    /// A meter that knows of no hits yet: it learns them from the first write that fails.
    pub fn blank(tokens: &'a Tokens, quota: Quota, clients: Vec<String>) -> Self {
        let slots = |client| Slots { client, masked: vec![None; quota.hits as usize] };
        Self { mask: Mask::new(tokens), quota, clients: clients.into_iter().map(slots).collect() }
    }

    pub fn gauge(&self, now: Timestamp) -> Gauge {
        Gauge { quota: self.quota, remaining: self.remaining(now), reset: self.reset(now) }
    }

    /// How many of the writes of [`Self::take`] there are.
    pub(super) fn names(&self) -> usize {
        self.clients.len()
    }

    /// How many more hits the window takes at `now`.
    fn remaining(&self, now: Timestamp) -> usize {
        self.free(now).count()
    }

    /// Seconds until the oldest hit leaves the window; the whole window when there is none.
    fn reset(&self, now: Timestamp) -> u64 {
        let oldest = self.hits().filter(|at| self.is_live(*at, now)).min();
        let leaves = oldest.unwrap_or(now).after(self.quota.window);
        // A hit of another clock may lie ahead of ours.
        (leaves.millis() - now.millis()).unsigned_abs().div_ceil(1000).min(self.quota.window.as_secs())
    }

    /// A free slot, any of them, so that hits that race seldom meet.
    pub fn free_slot(&self, now: Timestamp) -> Result<Hit, TooMany> {
        let free: Vec<usize> = self.free(now).collect();
        if free.is_empty() {
            return Err(TooMany { quota: self.quota, retry_after: self.reset(now) });
        }
        let [dice] = random();
        let masked = self.clients.iter().map(|_| self.mask.mask(now.millis())).collect();
        Ok(Hit { slot: free[usize::from(dice) % free.len()], masked })
    }

    /// The writes that take the slot, or fail with the items as they are.
    pub(super) fn take(&self, table: &str, hit: &Hit, now: Timestamp) -> Vec<TransactItem> {
        // Names last for a day: then nothing is decided by the item any more. To the day, as it must not tell the time.
        let ttl = Timestamp::day_start(now.day() + 3).seconds();
        self.writes(table, hit, |update, seen, masked| {
            let update = update
                .update_expression("SET #slot = :masked, #ttl = :ttl")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", number(ttl))
                .expression_attribute_values(":masked", blob(masked));
            match seen {
                Some(seen) => {
                    update.condition_expression("#slot = :seen").expression_attribute_values(":seen", blob(seen))
                }
                None => update.condition_expression("attribute_not_exists(#slot)"),
            }
        })
    }

    /// The writes that give a slot back.
    pub(super) fn release(&self, table: &str, hit: &Hit) -> Vec<TransactItem> {
        self.writes(table, hit, |update, _, masked| {
            update
                .update_expression("REMOVE #slot")
                .condition_expression("#slot = :masked")
                .expression_attribute_values(":masked", blob(masked))
        })
    }

    fn writes(
        &self,
        table: &str,
        hit: &Hit,
        change: impl Fn(UpdateBuilder, Option<Masked>, Masked) -> UpdateBuilder,
    ) -> Vec<TransactItem> {
        let step = |(slots, masked): (&Slots, &Masked)| {
            let update = change(Update::builder(), slots.masked[hit.slot], *masked)
                .table_name(table)
                .set_key(Some(Key::limit(self.quota.name, &slots.client).into_item()))
                .expression_attribute_names("#slot", slot_name(hit.slot))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .expect("an update with table, key and expression");
            TransactItem::update(update)
        };
        self.clients.iter().zip(&hit.masked).map(step).collect()
    }

    /// Notes a hit that was taken.
    pub(super) fn note(&mut self, hit: &Hit) {
        for (slots, masked) in self.clients.iter_mut().zip(&hit.masked) {
            slots.masked[hit.slot] = Some(*masked);
        }
    }

    /// Notes that a hit was given back.
    pub(super) fn forget(&mut self, hit: &Hit) {
        self.clients.iter_mut().for_each(|slots| slots.masked[hit.slot] = None);
    }

    /// Notes what the items hold by which writes failed; one that is not there holds nothing.
    pub(super) fn learn(&mut self, refused: &[Refused]) {
        for (slots, refused) in self.clients.iter_mut().zip(refused).filter(|(_, refused)| refused.failed) {
            slots.read(refused.item.as_ref());
        }
    }

    /// Slots that are free in every item.
    fn free(&self, now: Timestamp) -> impl Iterator<Item = usize> {
        let is_live = move |masked: &Masked| self.is_live(Timestamp::from_millis(self.mask.unmask(masked)), now);
        let taken = move |slot: usize| self.clients.iter().filter_map(|slots| slots.masked[slot].as_ref()).any(is_live);
        (0..self.quota.hits as usize).filter(move |slot| !taken(*slot))
    }

    fn hits(&self) -> impl Iterator<Item = Timestamp> {
        self.clients
            .iter()
            .flat_map(|slots| slots.masked.iter().flatten())
            .map(|masked| Timestamp::from_millis(self.mask.unmask(masked)))
    }

    fn is_live(&self, at: Timestamp, now: Timestamp) -> bool {
        at.after(self.quota.window) > now
    }
}

impl Slots {
    fn read(&mut self, item: Option<&Item>) {
        for (slot, masked) in self.masked.iter_mut().enumerate() {
            let value = item.and_then(|item| item.get(&slot_name(slot))?.as_b().ok());
            *masked = value.and_then(|blob| blob.as_ref().try_into().ok());
        }
    }
}

impl Store {
    pub async fn meter<'a>(
        &self,
        tokens: &'a Tokens,
        quota: Quota,
        clients: Vec<String>,
    ) -> Result<Meter<'a>, StoreError> {
        let mut meter = Meter::blank(tokens, quota, clients);
        try_join_all(meter.clients.iter_mut().map(|slots| async {
            slots.read(self.get_item(Key::limit(quota.name, &slots.client)).await?.as_ref());
            Ok(())
        }))
        .await?;
        Ok(meter)
    }

    /// Takes a slot for what is about to be tried, before it is tried.
    pub async fn take(&self, meter: &mut Meter<'_>, now: Timestamp) -> Result<Result<Hit, TooMany>, StoreError> {
        for _ in 0..TRIES {
            let hit = match meter.free_slot(now) {
                Ok(hit) => hit,
                Err(full) => return Ok(Err(full)),
            };
            match self.transact(meter.take(&self.table, &hit, now)).await? {
                Outcome::Done => {
                    meter.note(&hit);
                    return Ok(Ok(hit));
                }
                Outcome::Refused(refused) => meter.learn(&refused),
            }
        }
        Err(StoreError::no_slot())
    }

    /// Gives a slot back: what was tried is not to be counted.
    pub async fn release(&self, meter: &Meter<'_>, hit: &Hit) -> Result<(), StoreError> {
        self.transact(meter.release(&self.table, hit)).await.map(drop)
    }
}

fn slot_name(slot: usize) -> String {
    format!("s{slot}")
}

fn blob(masked: Masked) -> AttributeValue {
    AttributeValue::B(Blob::new(masked))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUOTA: Quota = Quota { name: "test", hits: 5, window: Duration::from_secs(60) };

    fn tokens() -> Tokens {
        Tokens::new("a secret key of a test, long enough for it")
    }

    #[test]
    fn a_full_window_says_when_its_oldest_hit_leaves() {
        let (start, tokens) = (Timestamp::from_millis(1_770_000_000_000), tokens());
        let mut meter = Meter::blank(&tokens, QUOTA, vec!["client".to_owned()]);
        assert_eq!((meter.remaining(start), meter.reset(start)), (5, 60));
        for second in 0..5 {
            let now = start.after(Duration::from_secs(second));
            meter.note(&meter.free_slot(now).ok().unwrap());
        }
        let now = start.after(Duration::from_secs(5));
        let full = meter.free_slot(now).err().unwrap();
        assert_eq!(full.retry_after, 55);
        assert!(meter.free_slot(now.after(Duration::from_secs(full.retry_after))).is_ok());
    }

    #[test]
    fn a_slot_says_nothing_without_the_key() {
        let (now, tokens, others) = (Timestamp::from_millis(1_770_000_000_000), tokens(), Tokens::new("another key"));
        let meter = Meter::blank(&tokens, QUOTA, vec!["today".to_owned(), "tomorrow".to_owned()]);
        let hit = meter.free_slot(now).ok().unwrap();
        assert_ne!(hit.masked[0], hit.masked[1]);
        assert!(hit.masked.iter().all(|masked| meter.mask.unmask(masked) == now.millis()));
        assert_ne!(Meter::blank(&others, QUOTA, vec![]).mask.unmask(&hit.masked[0]), now.millis());
    }

    #[test]
    fn a_slot_is_free_only_when_it_is_free_under_every_name() {
        let (now, tokens) = (Timestamp::from_millis(1_770_000_000_000), tokens());
        let mut meter = Meter::blank(&tokens, QUOTA, vec!["today".to_owned(), "tomorrow".to_owned()]);
        let hit = meter.free_slot(now).ok().unwrap();
        meter.clients[1].masked[hit.slot] = Some(hit.masked[1]);
        assert_eq!(meter.remaining(now), 4);
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_quota(pauses in prop::collection::vec(0u64..30_000, 1..200)) {
            let (mut now, tokens) = (Timestamp::from_millis(1_770_000_000_000), tokens());
            let mut meter = Meter::blank(&tokens, QUOTA, vec!["client".to_owned()]);
            let mut accepted: Vec<i64> = Vec::new();
            for pause in pauses {
                now = now.after(Duration::from_millis(pause));
                if let Ok(hit) = meter.free_slot(now) {
                    meter.note(&hit);
                    accepted.push(now.millis());
                    let window = accepted.iter().filter(|&&at| at > now.millis() - 60_000).count();
                    prop_assert!(window <= 5);
                }
            }
        }
    }
}
