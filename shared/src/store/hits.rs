//! The sliding window of every limit, in one write and no read before it. A hit is written first, under a name of its own, and the
//! answer to that write tells every hit that the item then holds. Each hit is judged by the hits that its item took before it, so no
//! window ever accepts one too many, however many instances write at once. A hit that is refused is removed again.
//!
//! - A write that has to be one with others ([`Store::plan_hit`]) puts its hit into their transaction, on the condition that the item
//!   took no more hits since it was read than there was room for. `n` counts the hits that an item ever took.
//! - An attempt at a secret ([`Store::start_attempt`]) is under way until its outcome is known. A wrong one becomes a failure, a right
//!   one is removed, and one whose function died counts as a failure after [`ATTEMPT_LASTS`].
//!
//! Times are masked under a key outside the store. Otherwise the times of hits would say which messages have one sender, as each
//! message shows when it was written.

use std::{collections::HashSet, time::Duration};

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, Update},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::try_join_all;

use super::{
    Item, Store, StoreError,
    keys::Key,
    number,
    transact::{Refused, TransactItem},
};
use crate::{
    tokens::{Purpose, Tokens, random},
    types::Timestamp,
};

/// Bits of a hit that hold milliseconds since the epoch, until the year 2109. The next ones hold the target.
const TIME_BITS: u32 = 42;
const TARGET_BITS: u32 = 20;
const UNDER_WAY: i64 = 1 << (TIME_BITS + TARGET_BITS);

/// Hits in an item before those that have left the window are removed, unless more of them count. A hit is 14 bytes, so that 60 and
/// their key fit into the 1 KB that one write unit writes.
const TIDY_ABOVE: usize = 32;

/// Counts the hits that an item ever took.
const COUNTER: &str = "n";

/// How long an attempt is taken to be under way: longer than any function lives.
pub(crate) const ATTEMPT_LASTS: Duration = Duration::from_secs(30);

/// At most `hits` in any `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub name: &'static str,
    pub hits: u32,
    pub window: Duration,
}

/// The window is full: one more is accepted after this many seconds.
#[derive(Clone, Copy, Debug)]
pub struct TooMany {
    pub quota: Quota,
    pub retry_after: u64,
}

/// How full a window is, as an answer tells it.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    pub quota: Quota,
    pub remaining: usize,
    /// Seconds until there is room for one more than remain.
    pub reset: u64,
}

impl RateLimit {
    /// The same window with one hit less.
    pub(crate) fn without_one(&self) -> Self {
        Self { remaining: self.remaining + 1, ..*self }
    }
}

/// Where the hits of one client, user or target are counted, and over which quotas.
#[derive(Clone)]
pub(crate) struct HitLog {
    tokens: Tokens,
    /// Whether a quota counts hits on this target only.
    quotas: Vec<(Quota, bool)>,
    target: i64,
    /// One for each name that hits count under (limits/mod.rs says why there may be two). A hit goes into all of them.
    keys: Vec<Key>,
}

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

/// How an attempt stands among the others.
pub(crate) enum Standing {
    Admitted(RateLimit),
    /// Failures and attempts that began before fill the window.
    Waiting,
    /// Failures alone fill the window.
    Refused(TooMany),
}

/// An attempt that is under way, and the attempts that were when it began.
pub(crate) struct Underway {
    pub hit: Hit,
    before: Vec<HashSet<String>>,
}

/// A hit as an item tells it.
#[derive(Clone, Debug)]
struct Told {
    slot: String,
    at: Timestamp,
    on_target: bool,
    under_way: bool,
}

impl HitLog {
    /// `target`: any number that tells targets apart that one item counts.
    pub fn new(tokens: Tokens, log: &str, names: &[String], quotas: Vec<(Quota, bool)>, target: u32) -> Self {
        let target = i64::from(target) & ((1 << TARGET_BITS) - 1);
        Self { tokens, quotas, target, keys: names.iter().map(|name| Key::limit(log, name)).collect() }
    }

    /// Without the key, a masked number says nothing. No two hits of an item share a slot, and so a mask.
    fn mask(&self, key: &Key, slot: &str) -> i64 {
        let parts = [key.partition().as_bytes(), slot.as_bytes()];
        let hash = self.tokens.keyed_hash(Purpose::LimitSlot, &parts);
        hash[..8].iter().fold(0, |mask, byte| mask << 8 | i64::from(*byte))
    }

    fn masked(&self, key: &Key, slot: &str, at: Timestamp, under_way: bool) -> AttributeValue {
        let flag = if under_way { UNDER_WAY } else { 0 };
        let hit = flag | self.target << TIME_BITS | at.millis();
        AttributeValue::B(Blob::new((self.mask(key, slot) ^ hit).to_be_bytes()))
    }

    fn read(&self, key: &Key, item: &Item) -> Vec<Told> {
        let hit = |(slot, value): (&String, &AttributeValue)| {
            let masked: [u8; 8] = value.as_b().ok()?.as_ref().try_into().ok()?;
            let hit = self.mask(key, slot) ^ i64::from_be_bytes(masked);
            Some(Told {
                slot: slot.clone(),
                at: Timestamp::from_millis(hit & ((1 << TIME_BITS) - 1)),
                on_target: (hit >> TIME_BITS) & ((1 << TARGET_BITS) - 1) == self.target,
                under_way: hit & UNDER_WAY != 0,
            })
        };
        item.iter().filter_map(hit).collect()
    }

    /// How full the windows are with the hits that an item told, the hit in question among them.
    fn judge(&self, told: &[Told], now: Timestamp) -> Result<Vec<RateLimit>, TooMany> {
        let limit = |(quota, on_target): &(Quota, bool)| {
            let live = told.iter().filter(|hit| (hit.on_target || !on_target) && hit.at.after(quota.window) > now);
            let ends = ends(live, *quota, now);
            let most = quota.hits as usize;
            match ends.len().checked_sub(most + 1) {
                // There is room for one more when all hits but `most - 1` have gone. The hit in question goes by itself.
                Some(over) => Err(TooMany { quota: *quota, retry_after: ends[over] }),
                None => Ok(RateLimit {
                    quota: *quota,
                    remaining: most - ends.len(),
                    reset: ends.first().copied().unwrap_or_default(),
                }),
            }
        };
        self.quotas.iter().map(limit).collect()
    }

    /// How an attempt stands. `before` were under way when it began; `told` is what its item holds now.
    fn standing(&self, told: &[Told], own: &str, before: &HashSet<String>, now: Timestamp) -> Standing {
        let Some((quota, _)) = self.quotas.first() else { return Standing::Waiting };
        let is_under_way = |hit: &&Told| hit.under_way && hit.at.after(ATTEMPT_LASTS) > now;
        let others = || told.iter().filter(|hit| hit.slot != own && hit.at.after(quota.window) > now);
        let failures = ends(others().filter(|hit| !is_under_way(hit)), *quota, now);
        let under_way = others().filter(is_under_way).filter(|hit| before.contains(&hit.slot)).count();
        let most = quota.hits as usize;
        match failures.len().checked_sub(most) {
            Some(over) => Standing::Refused(TooMany { quota: *quota, retry_after: failures[over] }),
            None if failures.len() + under_way >= most => Standing::Waiting,
            None => Standing::Admitted(RateLimit {
                quota: *quota,
                remaining: most - failures.len(),
                reset: failures.first().copied().unwrap_or(quota.window.as_secs()),
            }),
        }
    }

    /// What a hit at `now` comes to in an item that nobody else writes to meanwhile: the windows, and how many hits the item may have
    /// taken before it.
    fn room(
        &self,
        key: &Key,
        item: Option<&Item>,
        slot: &str,
        now: Timestamp,
    ) -> Result<(Vec<RateLimit>, u64), TooMany> {
        let mut told = item.map(|item| self.read(key, item)).unwrap_or_default();
        told.push(Told { slot: slot.to_owned(), at: now, on_target: true, under_way: false });
        let limits = self.judge(&told, now)?;
        let others = limits.iter().map(|limit| limit.remaining as u64).min().unwrap_or_default();
        let taken = item.and_then(|item| item.get(COUNTER)?.as_n().ok()?.parse::<u64>().ok()).unwrap_or_default();
        Ok((limits, taken + others))
    }
}

/// The seconds after which hits leave the window, soonest first.
fn ends<'t>(hits: impl Iterator<Item = &'t Told>, quota: Quota, now: Timestamp) -> Vec<u64> {
    let mut ends: Vec<i64> = hits.map(|hit| hit.at.after(quota.window).millis() - now.millis()).collect();
    ends.sort_unstable();
    // A hit of another clock may lie ahead of ours.
    ends.into_iter().map(|end| end.unsigned_abs().div_ceil(1000).min(quota.window.as_secs())).collect()
}

/// 36 random bits: that a hit overwrites a living one of its item is a matter of one in a billion.
fn new_slot() -> String {
    let mut slot = BASE64_URL_SAFE_NO_PAD.encode(random::<5>());
    slot.truncate(6);
    slot
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

    fn new(log: HitLog, slot: String, at: Timestamp, told: &[Vec<Told>]) -> Self {
        let longest = log.quotas.iter().map(|(quota, _)| quota.window).max().unwrap_or_default();
        let most = log.quotas.iter().map(|(quota, _)| quota.hits as usize + 2).fold(TIDY_ABOVE, usize::max);
        let is_stale = |hit: &&Told| hit.at.after(longest) <= at;
        let stale = told.iter().map(|told| match told.len() > most {
            true => told.iter().filter(is_stale).map(|hit| hit.slot.clone()).collect(),
            false => Vec::new(),
        });
        Self { stale: stale.collect(), log, slot, at, limits: Vec::new(), most_before: Vec::new() }
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

impl Store {
    /// Counts a hit, or says why there is no room for it.
    pub(crate) async fn count_hit(&self, log: HitLog, now: Timestamp) -> Result<Result<Hit, TooMany>, StoreError> {
        let slot = new_slot();
        let told = self.write_hit(&log, &slot, now, false).await?;
        let mut hit = Hit::new(log, slot, now, &told);
        let judged: Result<Vec<_>, TooMany> = told.iter().map(|told| hit.log.judge(told, now)).collect();
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

    /// Reads whether there is room for a hit that a transaction is to take. Nothing is counted until then.
    pub(crate) async fn plan_hit(&self, log: HitLog, now: Timestamp) -> Result<Result<Hit, TooMany>, StoreError> {
        let items = try_join_all(log.keys.iter().map(|key| self.get_item(key.clone()))).await?;
        let told: Vec<_> = log
            .keys
            .iter()
            .zip(&items)
            .map(|(key, item)| match item {
                Some(item) => log.read(key, item),
                None => Vec::new(),
            })
            .collect();
        let mut hit = Hit::new(log, new_slot(), now, &told);
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
        let item = |(key, most): (&Key, &u64)| {
            let update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(key.clone().into_item()))
                .update_expression("SET #slot = :hit, #ttl = :ttl ADD #n :one")
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
        hit.log.keys.iter().zip(&hit.most_before).map(item).collect()
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

    /// Begins an attempt at a secret, before the secret is looked at.
    pub(crate) async fn start_attempt(&self, log: HitLog, now: Timestamp) -> Result<(Underway, Standing), StoreError> {
        let slot = new_slot();
        let told = self.write_hit(&log, &slot, now, true).await?;
        let others =
            |told: &Vec<Told>| told.iter().filter(|hit| hit.slot != slot).map(|hit| hit.slot.clone()).collect();
        let before = told.iter().map(others).collect();
        let underway = Underway { hit: Hit::new(log, slot.clone(), now, &told), before };
        let standing = underway.standing(&told, now);
        Ok((underway, standing))
    }

    /// How an attempt that waits stands now.
    pub(crate) async fn attempt_standing(&self, underway: &Underway, now: Timestamp) -> Result<Standing, StoreError> {
        let log = &underway.hit.log;
        let told = try_join_all(log.keys.iter().map(|key| async move {
            let item = self.get_item(key.clone()).await?;
            Ok::<_, StoreError>(item.map(|item| log.read(key, &item)).unwrap_or_default())
        }));
        Ok(underway.standing(&told.await?, now))
    }

    /// The attempt was a wrong one. Where this can't be written, it counts all the same once it is taken to be over.
    pub(crate) async fn fail_attempts(&self, hits: &[Hit]) {
        let failures = hits.iter().flat_map(|hit| hit.log.keys.iter().map(move |key| (hit, key)));
        let failed = failures.map(|(hit, key)| async move {
            let updated = self.update(key.clone(), |update| {
                update
                    .update_expression("SET #slot = :hit")
                    .expression_attribute_names("#slot", &hit.slot)
                    .expression_attribute_values(":hit", hit.log.masked(key, &hit.slot, hit.at, false))
            });
            updated.await.map(drop)
        });
        if let Err(error) = try_join_all(failed).await {
            self.record_degradation(&error);
        }
    }

    /// What was counted did not happen. Where this fails, the hit is forgotten with its window.
    pub(crate) async fn remove_hits(&self, hits: &[Hit]) {
        let own = hits.iter().flat_map(|hit| hit.log.keys.iter().map(|key| (key, vec![hit.slot.clone()])));
        self.remove_slots(own.collect()).await;
    }

    /// Keeps the items small, every few dozens of hits. Where this fails, the next hit will do it.
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
    ) -> Result<Vec<Vec<Told>>, StoreError> {
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
            let names: Vec<String> = (0..slots.len()).map(|n| format!("#s{n}")).collect();
            let removed = self.update(key.clone(), |update| {
                let update = update.update_expression(format!("REMOVE {}", names.join(", ")));
                names
                    .iter()
                    .zip(slots)
                    .fold(update, |update, (name, slot)| update.expression_attribute_names(name, slot))
            });
            removed.await.map(drop)
        });
        if let Err(error) = try_join_all(removals).await {
            self.record_degradation(&error);
        }
    }
}

impl Underway {
    /// Under every name that it counts under.
    fn standing(&self, told: &[Vec<Told>], now: Timestamp) -> Standing {
        let standings = told
            .iter()
            .zip(&self.before)
            .map(|(told, before)| self.hit.log.standing(told, &self.hit.slot, before, now));
        let rank = |standing: &Standing| match standing {
            Standing::Admitted(_) => 0,
            Standing::Waiting => 1,
            Standing::Refused(_) => 2,
        };
        standings.max_by_key(rank).unwrap_or(Standing::Waiting)
    }
}

/// Names of hits last for a day: then nothing is decided by the item any more. To the day, as it must not tell the time.
fn forgotten_at(now: Timestamp) -> i64 {
    Timestamp::day_start(now.day() + 3).seconds()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Quota = Quota { name: "all", hits: 6, window: Duration::from_secs(60) };
    const ONE: Quota = Quota { name: "one", hits: 3, window: Duration::from_secs(60) };
    const START: i64 = 1_770_000_000_000;

    fn log(quotas: &[(Quota, bool)], target: u32) -> HitLog {
        let tokens = Tokens::new("a secret key of a test, long enough for it");
        HitLog::new(tokens, "test", &["name".to_owned()], quotas.to_vec(), target)
    }

    /// An item with those hits: when, on which target, and whether under way.
    fn item(hits: &[(i64, u32, bool)]) -> Item {
        let hit = |(n, (at, target, under_way)): (usize, &(i64, u32, bool))| {
            let (log, slot) = (log(&[(ALL, false)], *target), format!("s{n}"));
            let masked = log.masked(&log.keys[0], &slot, Timestamp::from_millis(*at), *under_way);
            (slot, masked)
        };
        hits.iter().enumerate().map(hit).collect()
    }

    /// Judges a hit as if the item held `hits` and it.
    fn judge(hits: &[(i64, u32)], target: u32, now: i64) -> Result<Vec<RateLimit>, TooMany> {
        let all: Vec<_> = hits.iter().chain([&(now, target)]).map(|(at, target)| (*at, *target, false)).collect();
        let log = log(&[(ONE, true), (ALL, false)], target);
        log.judge(&log.read(&log.keys[0], &item(&all)), Timestamp::from_millis(now))
    }

    #[test]
    fn one_target_and_all_of_them_are_counted_apart() {
        let to_one = [(1_000, 1), (2_000, 1), (3_000, 1)];
        let too_many = judge(&to_one, 1, 4_000).unwrap_err();
        assert_eq!((too_many.quota.name, too_many.retry_after), ("one", 57));
        let limits = judge(&to_one, 2, 4_000).unwrap();
        assert_eq!((limits[0].remaining, limits[1].remaining, limits[1].reset), (2, 2, 57));
        let to_many: Vec<(i64, u32)> = (1..=6).map(|n| (i64::from(n) * 1_000, n)).collect();
        assert_eq!(judge(&to_many, 9, 7_000).unwrap_err().quota.name, "all");
        assert!(judge(&to_many, 9, 61_000).is_ok());
    }

    #[test]
    fn a_hit_says_nothing_without_the_key() {
        let (log, now) = (log(&[(ALL, false)], 7), Timestamp::from_millis(START));
        let other = HitLog { tokens: Tokens::new("another key"), ..log.clone() };
        let item: Item = [("slot".to_owned(), log.masked(&log.keys[0], "slot", now, true))].into();
        let told = &log.read(&log.keys[0], &item)[0];
        assert_eq!((told.at, told.on_target, told.under_way), (now, true, true));
        assert_ne!(other.read(&other.keys[0], &item)[0].at, now);
    }

    #[test]
    fn a_full_item_of_60_hits_is_written_with_one_write_unit() {
        let hits: Vec<_> = (0..60).map(|n| (START + n, 0, false)).collect();
        let bytes: usize = item(&hits).keys().map(|_| 6 + 8).sum();
        // Of the key: `LIMIT#`, a name, `#`, 32 digits; then `LIMIT`, and the names and numbers of `ttl` and `n`.
        assert!(bytes + "pkLIMIT#community-messages#".len() + 32 + "skLIMIT".len() + 20 <= 1024, "{bytes}");
    }

    /// Random attempts: each begins, and some time later succeeds or fails, or its function dies.
    fn attempts() -> impl Strategy<Value = Vec<(u64, u64, u8)>> {
        prop::collection::vec((0u64..4_000, 0u64..9_000, 0u8..4), 1..80)
    }

    proptest! {
        #[test]
        fn no_window_ever_accepts_more_than_its_quota(hits in prop::collection::vec((0i64..20_000, 0u32..3), 1..100)) {
            let (mut now, mut accepted): (i64, Vec<(i64, u32)>) = (START, Vec::new());
            for (pause, target) in hits {
                now += pause;
                if judge(&accepted, target, now).is_ok() {
                    accepted.push((now, target));
                    let window = accepted.iter().filter(|(at, _)| *at > now - 60_000);
                    prop_assert!(window.clone().count() <= 6);
                    prop_assert!(window.filter(|(_, to)| *to == target).count() <= 3);
                }
            }
        }

        /// Hits in transactions and by themselves: each may only be taken while the item took no more than there was room for.
        #[test]
        fn planned_hits_and_others_together_never_exceed_the_quota(steps in prop::collection::vec((any::<bool>(), 0usize..6), 1..60)) {
            let log = log(&[(ONE, false)], 0);
            let now = Timestamp::from_millis(START);
            let mut item = Item::new();
            let (mut taken, mut plans) = (0u64, Vec::new());
            for (n, (plans_first, which)) in steps.into_iter().enumerate() {
                let slot = format!("t{n}");
                if plans_first {
                    item.insert(COUNTER.to_owned(), number(taken));
                    if let Ok((_, most)) = log.room(&log.keys[0], Some(&item), &slot, now) {
                        plans.push((slot, most));
                    }
                    continue;
                }
                let planned = (which < plans.len()).then(|| plans.remove(which));
                let (slot, is_planned, fits) = match planned {
                    Some((slot, most)) => (slot, true, taken <= most),
                    None => (slot, false, true),
                };
                if is_planned && !fits {
                    continue;
                }
                item.insert(slot.clone(), log.masked(&log.keys[0], &slot, now, false));
                taken += 1;
                if !is_planned && log.judge(&log.read(&log.keys[0], &item), now).is_err() {
                    item.remove(&slot);
                }
                prop_assert!(log.read(&log.keys[0], &item).len() <= 3);
            }
        }

        #[test]
        fn never_more_failures_than_the_quota_however_attempts_overlap(attempts in attempts()) {
            let log = log(&[(ONE, false)], 0);
            let mut events: Vec<(i64, usize, bool)> = Vec::new();
            let mut start = START;
            for (n, (pause, lasts, _)) in attempts.iter().enumerate() {
                start += *pause as i64;
                events.push((start, n, true));
                events.push((start + *lasts as i64, n, false));
            }
            events.sort_unstable();
            let (mut item, mut admitted, mut failures) = (Item::new(), HashSet::new(), Vec::<i64>::new());
            for (at, n, begins) in events {
                let (now, slot) = (Timestamp::from_millis(at), format!("a{n}"));
                if begins {
                    let before = log.read(&log.keys[0], &item).into_iter().map(|hit| hit.slot).collect();
                    item.insert(slot.clone(), log.masked(&log.keys[0], &slot, now, true));
                    match log.standing(&log.read(&log.keys[0], &item), &slot, &before, now) {
                        Standing::Admitted(_) => _ = admitted.insert(n),
                        Standing::Waiting | Standing::Refused(_) => _ = item.remove(&slot),
                    }
                } else if admitted.contains(&n) {
                    let began = log.read(&log.keys[0], &item).into_iter().find(|hit| hit.slot == slot).expect("a hit").at;
                    match attempts[n].2 {
                        0 => _ = item.remove(&slot),
                        1 => {}
                        _ => {
                            item.insert(slot.clone(), log.masked(&log.keys[0], &slot, began, false));
                            failures.push(began.millis());
                            failures.sort_unstable();
                            prop_assert!(failures.windows(4).all(|window| window[3] - window[0] >= 60_000));
                        }
                    }
                }
            }
        }
    }
}
