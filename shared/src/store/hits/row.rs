//! The item in which a limit counts hits: how a hit is written into it, and how it is read.
//!
//! Each hit is an attribute. Its name is random, and its value is a masked number: when the hit was, on which target, and whether it is
//! an attempt that is under way. The mask is made under a key outside the store. Without the mask, the times of hits would show which
//! messages have one sender, as each message shows when it was written.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::window::Window;
use crate::{
    store::{Item, keys::Key},
    tokens::{Purpose, Tokens, random},
    types::Timestamp,
};

/// Bits of a hit that hold milliseconds since the epoch, until the year 2109. The next ones hold the target.
const TIME_BITS: u32 = 42;
const TARGET_BITS: u32 = 20;
const UNDER_WAY: i64 = 1 << (TIME_BITS + TARGET_BITS);

/// The attribute that counts the hits that an item ever took.
pub(super) const COUNTER: &str = "n";

/// The items that count the hits of one client, user or target, and the windows that these hits are counted in.
#[derive(Clone)]
pub(crate) struct HitLog {
    tokens: Tokens,
    target: i64,
    pub(super) windows: Vec<Window>,
    /// One for each name that hits count under (limits/mod.rs says why there may be two). A hit goes into all of them.
    pub(super) keys: Vec<Key>,
}

/// A hit as an item holds it.
#[derive(Clone, Debug)]
pub(super) struct StoredHit {
    pub slot: String,
    pub at: Timestamp,
    /// Whether it is on the target of the log that reads it.
    pub on_target: bool,
    pub under_way: bool,
}

impl HitLog {
    /// `target`: any number that tells targets apart that one item counts.
    pub fn new(tokens: Tokens, log: &str, names: &[String], windows: Vec<Window>, target: u32) -> Self {
        let target = i64::from(target) & ((1 << TARGET_BITS) - 1);
        Self { tokens, windows, target, keys: names.iter().map(|name| Key::limit(log, name)).collect() }
    }

    /// No two hits of an item share a slot, and so no two share a mask.
    fn mask(&self, key: &Key, slot: &str) -> i64 {
        let parts = [key.partition().as_bytes(), slot.as_bytes()];
        let hash = self.tokens.keyed_hash(Purpose::LimitSlot, &parts);
        hash[..8].iter().fold(0, |mask, byte| mask << 8 | i64::from(*byte))
    }

    pub(super) fn masked(&self, key: &Key, slot: &str, at: Timestamp, under_way: bool) -> AttributeValue {
        let flag = if under_way { UNDER_WAY } else { 0 };
        let hit = flag | self.target << TIME_BITS | at.millis();
        AttributeValue::B(Blob::new((self.mask(key, slot) ^ hit).to_be_bytes()))
    }

    /// The hits that an item holds, in no order.
    pub(super) fn read(&self, key: &Key, item: &Item) -> Vec<StoredHit> {
        let hit = |(slot, value): (&String, &AttributeValue)| {
            let masked: [u8; 8] = value.as_b().ok()?.as_ref().try_into().ok()?;
            let hit = self.mask(key, slot) ^ i64::from_be_bytes(masked);
            Some(StoredHit {
                slot: slot.clone(),
                at: Timestamp::from_millis(hit & ((1 << TIME_BITS) - 1)),
                on_target: (hit >> TIME_BITS) & ((1 << TARGET_BITS) - 1) == self.target,
                under_way: hit & UNDER_WAY != 0,
            })
        };
        item.iter().filter_map(hit).collect()
    }
}

/// How many hits an item ever took.
pub(super) fn taken(item: &Item) -> u64 {
    item.get(COUNTER).and_then(|count| count.as_n().ok()?.parse().ok()).unwrap_or_default()
}

/// 36 random bits: that a hit overwrites a living one of its item is a matter of one in a billion.
pub(super) fn new_slot() -> String {
    let mut slot = BASE64_URL_SAFE_NO_PAD.encode(random::<5>());
    slot.truncate(6);
    slot
}

/// When TTL removes an item whose last hit was at `now`. To the day, as it must not tell the time of the hit. Nothing is decided by the
/// item any more then, as names of clients and targets last for a day.
pub(super) fn forgotten_at(now: Timestamp) -> i64 {
    Timestamp::day_start(now.day() + 3).seconds()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_770_000_000_000;

    fn log(secret: &str, target: u32) -> HitLog {
        HitLog::new(Tokens::new(secret), "test", &["name".to_owned()], Vec::new(), target)
    }

    fn item(log: &HitLog, slot: &str, at: i64, under_way: bool) -> Item {
        [(slot.to_owned(), log.masked(&log.keys[0], slot, Timestamp::from_millis(at), under_way))].into()
    }

    #[test]
    fn a_hit_says_nothing_without_the_key() {
        let (own, other) = (log("a secret key of a test", 7), log("another key", 7));
        let item = item(&own, "slot", START, true);
        assert_ne!(other.read(&other.keys[0], &item)[0].at.millis(), START);
    }

    #[test]
    fn the_same_hit_looks_different_in_another_slot_and_in_another_item() {
        let log = HitLog::new(Tokens::new("a key"), "test", &["one".to_owned(), "two".to_owned()], Vec::new(), 7);
        let masked = |item: usize, slot| log.masked(&log.keys[item], slot, Timestamp::from_millis(START), false);
        assert_ne!(masked(0, "a"), masked(0, "b"));
        assert_ne!(masked(0, "a"), masked(1, "a"));
    }

    #[test]
    fn a_full_item_of_60_hits_is_written_with_one_write_unit() {
        let hit = new_slot().len() + size_of::<i64>();
        // Of the key: `LIMIT#`, a name, `#`, 32 digits; then `LIMIT`, and the names and numbers of `ttl` and `n`.
        let rest = "pkLIMIT#community-messages#".len() + 32 + "skLIMIT".len() + 20;
        assert!(60 * hit + rest <= 1024, "{hit} bytes each, and {rest}");
    }

    #[test]
    fn what_is_no_hit_is_not_read_as_one() {
        let log = log("a key", 7);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item: Item = [
            ("pk".to_owned(), text("LIMIT#test#name")),
            ("sk".to_owned(), text("LIMIT")),
            ("ttl".to_owned(), AttributeValue::N("1770000000".to_owned())),
            (COUNTER.to_owned(), AttributeValue::N("5".to_owned())),
            ("short".to_owned(), AttributeValue::B(Blob::new([0; 7]))),
        ]
        .into();
        assert_eq!((log.read(&log.keys[0], &item).len(), taken(&item)), (0, 5));
        assert_eq!(taken(&Item::new()), 0);
    }

    proptest! {
        /// Of any time that 42 bits can hold, and of any target.
        #[test]
        fn a_hit_is_read_as_it_was_written(
            at in 0i64..(1 << TIME_BITS), target in any::<u32>(), other in any::<u32>(), under_way in any::<bool>(), slot in "[A-Za-z0-9_-]{6}",
        ) {
            let own = log("a key", target);
            let item = item(&own, &slot, at, under_way);
            let hits = own.read(&own.keys[0], &item);
            prop_assert_eq!(hits.len(), 1);
            prop_assert_eq!((&hits[0].slot, hits[0].at.millis()), (&slot, at));
            prop_assert!(hits[0].on_target && hits[0].under_way == under_way);
            let seen = log("a key", other).read(&own.keys[0], &item);
            let is_same = (target ^ other) & ((1 << TARGET_BITS) - 1) == 0;
            prop_assert_eq!((seen[0].at.millis(), seen[0].on_target), (at, is_same));
        }

        #[test]
        fn bytes_of_any_kind_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..20), slot in ".*") {
            let log = log("a key", 1);
            let item: Item = [(slot, AttributeValue::B(Blob::new(bytes.clone())))].into();
            prop_assert_eq!(log.read(&log.keys[0], &item).len(), usize::from(bytes.len() == 8));
        }
    }
}
