//! The exact sliding window of who writes to inboxes, in one write and no read before it. A hit is written first, under a name of
//! its own, and the same answer tells every hit of the item as it then is: hits are judged in the order in which the item took
//! them, so no window ever accepts one too many, however many instances write at once. A hit that was one too many goes again.
//!
//! One item counts two quotas: what a client sends in all, and what it sends to one recipient, whom a tag tells from others.
//! Times and tags are masked, for the reason that store/limits.rs gives.

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, ReturnValue},
};
use futures_util::future::try_join_all;

use super::{
    Item, Store, StoreError,
    keys::Key,
    limits::{Gauge, Quota, TooMany},
    mask::{Mask, Masked},
    number,
};
use crate::{
    tokens::{Tokens, random},
    types::Timestamp,
};

/// Bits of a masked number that hold milliseconds since the epoch, until the year 2109; the rest hold the tag.
const TIME_BITS: u32 = 42;
/// Hits in an item before those that have left the window are removed: well within 1 KB, which is what one write unit writes.
const TIDY_ABOVE: usize = 32;

/// One client's hits on one recipient.
pub struct HitLog<'a> {
    mask: Mask<'a>,
    /// Of all that the client does.
    pub all: Quota,
    /// Of what the client does to the one recipient.
    pub one: Quota,
    tag: i64,
    /// The client's names (limits.rs says why there may be two). A hit goes into all of their items.
    names: Vec<String>,
}

/// A hit that was accepted, with what its item told.
pub struct Hits<'a> {
    log: HitLog<'a>,
    slot: String,
    gauges: [Gauge; 2],
    /// Per name, the slots of hits that have left the window.
    stale: Vec<Vec<String>>,
}

/// The hits of an item: slot, time, and whether it is on the one recipient.
type Told = Vec<(String, Timestamp, bool)>;

impl<'a> HitLog<'a> {
    /// `recipient` is any number that tells recipients of one client apart.
    pub fn new(tokens: &'a Tokens, all: Quota, one: Quota, recipient: u32, names: Vec<String>) -> Self {
        let tag = i64::from(recipient) & ((1 << (i64::BITS - 1 - TIME_BITS)) - 1);
        Self { mask: Mask::new(tokens), all, one, tag, names }
    }

    fn masked(&self, now: Timestamp) -> Masked {
        self.mask.mask(self.tag << TIME_BITS | now.millis())
    }

    fn read(&self, item: &Item) -> Told {
        let hit = |(slot, value): (&String, &AttributeValue)| {
            let masked: Masked = value.as_b().ok()?.as_ref().try_into().ok()?;
            let number = self.mask.unmask(&masked);
            let at = Timestamp::from_millis(number & ((1 << TIME_BITS) - 1));
            Some((slot.clone(), at, number >> TIME_BITS == self.tag))
        };
        item.iter().filter_map(hit).collect()
    }

    /// How full both windows are with the hits that an item told, the hit in question among them.
    fn judge(&self, told: &Told, now: Timestamp) -> Result<[Gauge; 2], TooMany> {
        let gauge = |quota: Quota, counts: fn(bool) -> bool| {
            let live = told.iter().filter(|(_, at, one)| counts(*one) && at.after(quota.window) > now);
            let mut ends: Vec<i64> = live.map(|(_, at, _)| at.after(quota.window).millis() - now.millis()).collect();
            ends.sort_unstable();
            // A hit of another clock may lie ahead of ours.
            let seconds = |millis: i64| millis.unsigned_abs().div_ceil(1000).min(quota.window.as_secs());
            let most = quota.hits as usize;
            match ends.len().checked_sub(most + 1) {
                // Room for one more is there when all hits but `most - 1` have gone; the hit in question goes by itself.
                Some(over) => Err(TooMany { quota, retry_after: seconds(ends[over]) }),
                None => Ok(Gauge {
                    quota,
                    remaining: most - ends.len(),
                    reset: ends.first().map_or(0, |end| seconds(*end)),
                }),
            }
        };
        Ok([gauge(self.one, |one| one)?, gauge(self.all, |_| true)?])
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        self.names.iter().map(|name| Key::limit(self.all.name, name))
    }
}

impl Hits<'_> {
    /// How full the windows are: of the one recipient, and in all.
    pub fn gauges(&self) -> &[Gauge; 2] {
        &self.gauges
    }
}

impl Store {
    /// Counts a hit, or says why there is no room for it.
    pub async fn hit<'a>(&self, log: HitLog<'a>, now: Timestamp) -> Result<Result<Hits<'a>, TooMany>, StoreError> {
        // 48 random bits: that a hit overwrites a living one is a matter of one in 10^13.
        let slot = hex::encode(random::<6>());
        let ttl = Timestamp::day_start(now.day() + 3).seconds();
        let told = try_join_all(log.keys().map(|key| async {
            let hit = AttributeValue::B(Blob::new(log.masked(now)));
            let item = self.update(key, |update| {
                update
                    .update_expression("SET #slot = :hit, #ttl = :ttl")
                    .expression_attribute_names("#slot", &slot)
                    .expression_attribute_names("#ttl", "ttl")
                    .expression_attribute_values(":hit", hit)
                    .expression_attribute_values(":ttl", number(ttl))
                    .return_values(ReturnValue::AllNew)
            });
            Ok::<_, StoreError>(log.read(&item.await?.unwrap_or_default()))
        }))
        .await?;

        let mut gauges = Vec::new();
        for told in &told {
            match log.judge(told, now) {
                Ok(full) => gauges.push(full),
                Err(too_many) => {
                    let own = log.names.iter().map(|_| vec![slot.clone()]).collect();
                    if let Err(error) = self.remove_hits(&log, own).await {
                        self.record_degradation(&error);
                    }
                    return Ok(Err(too_many));
                }
            }
        }
        let is_stale = |(_, at, _): &&(String, Timestamp, bool)| at.after(log.all.window.max(log.one.window)) <= now;
        let stale = told.iter().map(|told| match told.len() {
            0..=TIDY_ABOVE => Vec::new(),
            _ => told.iter().filter(is_stale).map(|(slot, ..)| slot.clone()).collect(),
        });
        let stale = stale.collect();
        let gauges = gauges.into_iter().next().ok_or_else(StoreError::no_slot)?;
        Ok(Ok(Hits { log, slot, gauges, stale }))
    }

    /// What was counted did not happen. Where this fails the hit is forgotten with its window.
    pub async fn take_back_hit(&self, hits: &Hits<'_>) {
        let own = hits.log.names.iter().map(|_| vec![hits.slot.clone()]).collect();
        if let Err(error) = self.remove_hits(&hits.log, own).await {
            self.record_degradation(&error);
        }
    }

    /// Keeps the item small, every few dozens of hits. Where this fails the next hit will do it.
    pub async fn tidy_hits(&self, hits: &Hits<'_>) {
        if let Err(error) = self.remove_hits(&hits.log, hits.stale.clone()).await {
            self.record_degradation(&error);
        }
    }

    /// Removes slots of each of a log's items.
    async fn remove_hits(&self, log: &HitLog<'_>, slots: Vec<Vec<String>>) -> Result<(), StoreError> {
        let removals = log.keys().zip(slots).filter(|(_, slots)| !slots.is_empty()).map(|(key, slots)| async move {
            let names: Vec<String> = (0..slots.len()).map(|n| format!("#s{n}")).collect();
            self.update(key, |update| {
                let update = update.update_expression(format!("REMOVE {}", names.join(", ")));
                names
                    .iter()
                    .zip(slots)
                    .fold(update, |update, (name, slot)| update.expression_attribute_names(name, slot))
            })
            .await
        });
        try_join_all(removals).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const ALL: Quota = Quota { name: "all", hits: 6, window: Duration::from_secs(60) };
    const ONE: Quota = Quota { name: "one", hits: 3, window: Duration::from_secs(60) };

    fn tokens() -> Tokens {
        Tokens::new("a secret key of a test, long enough for it")
    }

    /// Judges a hit as if the item held `hits` and it.
    fn judge(hits: &[(i64, u32)], recipient: u32, now: i64) -> Result<[Gauge; 2], TooMany> {
        let tokens = tokens();
        let log = |recipient| HitLog::new(&tokens, ALL, ONE, recipient, vec!["name".to_owned()]);
        let item = [hits, &[(now, recipient)]].concat().into_iter().enumerate().map(|(n, (at, recipient))| {
            let masked = log(recipient).masked(Timestamp::from_millis(at));
            (n.to_string(), AttributeValue::B(Blob::new(masked)))
        });
        let log = log(recipient);
        log.judge(&log.read(&item.collect()), Timestamp::from_millis(now))
    }

    #[test]
    fn one_recipient_and_all_of_them_are_counted_apart() {
        let to_one = [(1_000, 1), (2_000, 1), (3_000, 1)];
        let too_many = judge(&to_one, 1, 4_000).err().unwrap();
        assert_eq!((too_many.quota.name, too_many.retry_after), ("one", 57));
        let [one, all] = judge(&to_one, 2, 4_000).ok().unwrap();
        assert_eq!((one.remaining, all.remaining, all.reset), (2, 2, 57));
        let to_many: Vec<(i64, u32)> = (1..=6).map(|n| (i64::from(n) * 1_000, n)).collect();
        assert_eq!(judge(&to_many, 9, 7_000).err().unwrap().quota.name, "all");
        assert!(judge(&to_many, 9, 61_000).is_ok());
    }

    proptest! {
        #[test]
        fn no_window_ever_accepts_more_than_its_quota(hits in prop::collection::vec((0i64..20_000, 0u32..3), 1..200)) {
            let (mut now, mut accepted): (i64, Vec<(i64, u32)>) = (1_770_000_000_000, Vec::new());
            for (pause, recipient) in hits {
                now += pause;
                if judge(&accepted, recipient, now).is_ok() {
                    accepted.push((now, recipient));
                    let window = accepted.iter().filter(|(at, _)| *at > now - 60_000);
                    prop_assert!(window.clone().count() <= 6);
                    prop_assert!(window.filter(|(_, to)| *to == recipient).count() <= 3);
                }
            }
        }
    }
}
