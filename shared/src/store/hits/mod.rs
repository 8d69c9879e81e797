//! The sliding window of every limit, in one write and no read before it. A hit is written first, under a name of its own, and the
//! answer to that write tells every hit that the item then holds. Each hit is judged by the hits that its item took before it, so no
//! window ever accepts one too many, however many instances write at once. A hit that is refused is removed again.
//!
//! A write that has to be one with others ([`Store::plan_hit`]) puts its hit into their transaction. The condition is that the item took
//! no more hits since it was read than there was room for.
//!
//! * [`row`]: the item, and how a hit is written into it.
//! * [`window`]: the arithmetic.
//! * [`attempt`]: attempts at a secret, which are hits whose outcome is not known yet.

mod attempt;
mod row;
#[cfg(test)]
mod tests;
mod window;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure, Update};
use futures_util::future::try_join_all;

use self::{
    row::{COUNTER, StoredHit, forgotten_at, new_slot, taken},
    window::judge,
};
use super::{
    Item, Reading, Store, StoreError,
    keys::Key,
    number,
    transact::{Refused, TransactItem},
};
use crate::types::Timestamp;

pub(crate) use attempt::Underway;
pub(crate) use row::HitLog;
pub use window::{Quota, RateLimit, TooMany};
pub(crate) use window::{Standing, Window};

/// Hits in an item before those that have left the window are removed, unless more of them count. A hit is 14 bytes, so that 60 and
/// their key fit into the 1 KB that one write unit writes.
const TIDY_ABOVE: usize = 32;

/// Hits that one write removes: an expression has at most 300 operators.
const MOST_REMOVED: usize = 100;

/// A hit that was counted, or that is about to be in a transaction.
#[derive(Clone)]
pub(crate) struct Hit {
    log: HitLog,
    slot: String,
    at: Timestamp,
    limits: Vec<RateLimit>,
    /// Per item: slots of hits that have left the window.
    stale: Vec<Vec<String>>,
    /// Per item: how many hits it may have taken before this one, where this one is about to be taken.
    most_before: Vec<u64>,
}

impl HitLog {
    /// The windows with one more hit at `now`, and how many hits the item may have taken before it. `Err`: there is no room.
    fn room(
        &self,
        key: &Key,
        item: Option<&Item>,
        slot: &str,
        now: Timestamp,
    ) -> Result<(Vec<RateLimit>, u64), TooMany> {
        let mut hits = item.map(|item| self.read(key, item)).unwrap_or_default();
        hits.push(StoredHit { slot: slot.to_owned(), at: now, on_target: true, under_way: false });
        let limits = judge(&self.windows, &hits, now)?;
        let others = limits.iter().map(|limit| limit.remaining as u64).min().unwrap_or_default();
        Ok((limits, item.map(taken).unwrap_or_default() + others))
    }
}

impl Hit {
    /// How full the windows are, this hit included.
    pub fn limits(&self) -> &[RateLimit] {
        &self.limits
    }

    /// In how many items it counts.
    pub(super) fn items(&self) -> usize {
        self.log.keys.len()
    }

    /// `stored`: what the items hold.
    fn new(log: HitLog, slot: String, at: Timestamp, stored: &[Vec<StoredHit>]) -> Self {
        let longest = log.windows.iter().map(|window| window.quota.window).max().unwrap_or_default();
        let most = log.windows.iter().map(|window| window.quota.hits as usize + 2).fold(TIDY_ABOVE, usize::max);
        let stale = |hits: &Vec<StoredHit>| -> Vec<String> {
            let gone = hits.iter().filter(|hit| hits.len() > most && hit.at.after(longest) <= at);
            gone.map(|hit| hit.slot.clone()).take(MOST_REMOVED).collect()
        };
        let stale = stored.iter().map(stale).collect();
        Self { log, slot, at, limits: Vec::new(), stale, most_before: Vec::new() }
    }

    /// Learns what the items hold by which writes failed. `Err`: there is no more room.
    pub(super) fn learn(&mut self, refused: &[Refused]) -> Result<(), TooMany> {
        for (place, refused) in refused.iter().enumerate().filter(|(_, refused)| refused.failed) {
            let (limits, most) = self.log.room(&self.log.keys[place], refused.item.as_ref(), &self.slot, self.at)?;
            self.limits = limits;
            self.most_before[place] = most;
        }
        Ok(())
    }
}

/// The clause of an update expression that removes hits from their item, and its names. Empty without hits.
struct Removal {
    clause: String,
    names: HashMap<String, String>,
}

impl Removal {
    fn of(slots: &[String]) -> Self {
        let names: Vec<String> = (0..slots.len()).map(|n| format!("#s{n}")).collect();
        let clause = if names.is_empty() { String::new() } else { format!("REMOVE {}", names.join(", ")) };
        Self { clause, names: names.into_iter().zip(slots.iter().cloned()).collect() }
    }

    /// The expression with this clause behind it.
    fn behind(&self, expression: &str) -> String {
        if self.clause.is_empty() { expression.to_owned() } else { format!("{expression} {}", self.clause) }
    }
}

impl Store {
    /// Counts a hit, or says why there is no room for it.
    pub(crate) async fn count_hit(&self, log: HitLog, now: Timestamp) -> Result<Result<Hit, TooMany>, StoreError> {
        let slot = new_slot();
        let stored = self.write_hit(&log, &slot, now, false).await?;
        let mut hit = Hit::new(log, slot, now, &stored);
        let judged: Result<Vec<_>, TooMany> = stored.iter().map(|hits| judge(&hit.log.windows, hits, now)).collect();
        match judged {
            Ok(limits) => {
                hit.limits = limits.into_iter().next().unwrap_or_default();
                Ok(Ok(hit))
            }
            Err(too_many) => {
                self.remove_hits(&[hit]).await;
                Ok(Err(too_many))
            }
        }
    }

    /// Reads whether there is room for a hit that a transaction is to take. Nothing is counted until then. The plan may be made of an
    /// older state: the transaction fails if too many hits were taken since. But an older state may lack the removal of a hit. So only a
    /// consistent reading proves that there is no room.
    pub(crate) async fn plan_hit(
        &self,
        log: HitLog,
        now: Timestamp,
        reading: Reading,
    ) -> Result<Result<Hit, TooMany>, StoreError> {
        let items = try_join_all(log.keys.iter().map(|key| self.read_item(key.clone(), reading))).await?;
        let read =
            |(key, item): (&Key, &Option<Item>)| item.as_ref().map(|item| log.read(key, item)).unwrap_or_default();
        let stored: Vec<_> = log.keys.iter().zip(&items).map(read).collect();
        let mut hit = Hit::new(log, new_slot(), now, &stored);
        for (key, item) in hit.log.keys.iter().zip(&items) {
            match hit.log.room(key, item.as_ref(), &hit.slot, now) {
                Ok((limits, most)) => {
                    hit.limits = limits;
                    hit.most_before.push(most);
                }
                Err(too_many) => return Ok(Err(too_many)),
            }
        }
        Ok(Ok(hit))
    }

    /// The writes that take a planned hit, or fail with the items as they are.
    pub(super) fn hit_items(&self, hit: &Hit) -> Vec<TransactItem> {
        let item = |((key, most), stale): ((&Key, &u64), &Vec<String>)| {
            let removal = Removal::of(stale);
            let update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(key.clone().into_item()))
                .update_expression(removal.behind("SET #slot = :hit, #ttl = :ttl ADD #n :one"))
                .set_expression_attribute_names(Some(removal.names))
                .condition_expression("attribute_not_exists(#n) OR #n <= :most")
                .expression_attribute_names("#slot", &hit.slot)
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_names("#n", COUNTER)
                .expression_attribute_values(":hit", hit.log.masked(key, &hit.slot, hit.at, false))
                .expression_attribute_values(":ttl", number(forgotten_at(hit.at)))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":most", number(most))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .expect("an update with table, key and expression");
            TransactItem::update(update)
        };
        hit.log.keys.iter().zip(&hit.most_before).zip(&hit.stale).map(item).collect()
    }

    /// The writes that remove a hit.
    pub(super) fn unhit_items(&self, hit: &Hit) -> Vec<TransactItem> {
        let item = |key: &Key| {
            let update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(key.clone().into_item()))
                .update_expression("REMOVE #slot")
                .expression_attribute_names("#slot", &hit.slot)
                .build()
                .expect("an update with table, key and expression");
            TransactItem::update(update)
        };
        hit.log.keys.iter().map(item).collect()
    }

    /// Removes hits whose requests were refused, or that were no failures. If this fails, they count until their window is over.
    pub(crate) async fn remove_hits(&self, hits: &[Hit]) {
        let own = hits.iter().flat_map(|hit| hit.log.keys.iter().map(|key| (key, vec![hit.slot.clone()])));
        self.remove_slots(own.collect()).await;
    }

    /// Keeps the items of hits small, every few dozens of hits. Hits of transactions and failed attempts do so in their own writes. If
    /// this fails, the next hit does it.
    pub(crate) async fn tidy_hits(&self, hits: &[Hit]) {
        let stale = hits.iter().flat_map(|hit| hit.log.keys.iter().zip(hit.stale.clone()));
        self.remove_slots(stale.filter(|(_, slots)| !slots.is_empty()).collect()).await;
    }

    /// Writes a hit, and reads what its items then hold.
    async fn write_hit(
        &self,
        log: &HitLog,
        slot: &str,
        now: Timestamp,
        under_way: bool,
    ) -> Result<Vec<Vec<StoredHit>>, StoreError> {
        // A write that the SDK repeats, as its answer was lost, sets the same slot.
        try_join_all(log.keys.iter().map(|key| async move {
            let item = self.update(key.clone(), |update| {
                update
                    .update_expression("SET #slot = :hit, #ttl = :ttl ADD #n :one")
                    .expression_attribute_names("#slot", slot)
                    .expression_attribute_names("#ttl", "ttl")
                    .expression_attribute_names("#n", COUNTER)
                    .expression_attribute_values(":hit", log.masked(key, slot, now, under_way))
                    .expression_attribute_values(":ttl", number(forgotten_at(now)))
                    .expression_attribute_values(":one", number(1))
                    .return_values(ReturnValue::AllNew)
            });
            Ok(log.read(key, &item.await?.unwrap_or_default()))
        }))
        .await
    }

    async fn remove_slots(&self, slots: Vec<(&Key, Vec<String>)>) {
        let removals = slots.into_iter().map(|(key, slots)| async move {
            let Removal { clause, names } = Removal::of(&slots);
            let removed = self.update(key.clone(), |update| {
                update.update_expression(clause).set_expression_attribute_names(Some(names))
            });
            removed.await.map(drop)
        });
        if let Err(error) = try_join_all(removals).await {
            self.record_degradation(&error);
        }
    }
}
