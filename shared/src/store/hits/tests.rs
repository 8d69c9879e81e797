//! Rows and windows together: whatever the order in which hits, plans and attempts meet, no window has one too many.

use std::{collections::HashSet, time::Duration};

use proptest::prelude::*;

use super::{
    row::COUNTER,
    window::{Standing, standing},
    *,
};
use crate::tokens::Tokens;

const WINDOW: Window =
    Window { quota: Quota { name: "test", hits: 3, window: Duration::from_secs(60) }, on_target: false };
const START: i64 = 1_770_000_000_000;

fn log() -> HitLog {
    let tokens = Tokens::new("a secret key of a test, long enough for it");
    HitLog::new(tokens, "test", &["name".to_owned()], vec![WINDOW], 0)
}

/// An item with hits at these times.
fn item(log: &HitLog, hits: impl IntoIterator<Item = i64>) -> Item {
    let hit = |(n, at)| {
        let slot = format!("s{n}");
        let masked = log.masked(&log.keys[0], &slot, Timestamp::from_millis(at), false);
        (slot, masked)
    };
    hits.into_iter().enumerate().map(hit).collect()
}

#[test]
fn hits_that_have_left_the_window_are_removed_once_there_are_many() {
    let (log, now) = (log(), Timestamp::from_millis(START + 60_000));
    let stale = |hits: i64| {
        let item = item(&log, (0..hits).map(|n| START + n * 2));
        Hit::new(log.clone(), "own".to_owned(), now, &[log.read(&log.keys[0], &item)]).stale[0].len()
    };
    assert_eq!((stale(32), stale(33)), (0, 1));
    let old = item(&log, (0..150).map(|n| START - n));
    let hit = Hit::new(log.clone(), "own".to_owned(), now, &[log.read(&log.keys[0], &old)]);
    assert_eq!(hit.stale[0].len(), MOST_REMOVED);
}

#[test]
fn a_removal_names_each_hit() {
    let removal = Removal::of(&["a".to_owned(), "b".to_owned()]);
    assert_eq!(removal.clause, "REMOVE #s0, #s1");
    assert_eq!((removal.names["#s0"].as_str(), removal.names["#s1"].as_str()), ("a", "b"));
    let nothing = Removal::of(&[]);
    assert!(nothing.clause.is_empty() && nothing.names.is_empty());
    assert_eq!(
        (removal.behind("ADD x :x"), nothing.behind("ADD x :x")),
        ("ADD x :x REMOVE #s0, #s1".to_owned(), "ADD x :x".to_owned())
    );
}

/// Random attempts: when each begins after the one before it, how long it lasts, and how it ends. 0: right, 1: its function dies,
/// 2 and 3: wrong.
fn attempts() -> impl Strategy<Value = Vec<(u64, u64, u8)>> {
    prop::collection::vec((0u64..4_000, 0u64..9_000, 0u8..4), 1..80)
}

proptest! {
    /// Hits in transactions and by themselves: each may only be taken while the item took no more than there was room for.
    #[test]
    fn planned_hits_and_others_together_never_exceed_the_quota(steps in prop::collection::vec((any::<bool>(), 0usize..6), 1..60)) {
        let log = log();
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
            if !is_planned && judge(&log.windows, &log.read(&log.keys[0], &item), now).is_err() {
                item.remove(&slot);
            }
            prop_assert!(log.read(&log.keys[0], &item).len() <= 3);
        }
    }

    #[test]
    fn never_more_failures_than_the_quota_however_attempts_overlap(attempts in attempts()) {
        let log = log();
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
                match standing(WINDOW.quota, &log.read(&log.keys[0], &item), &slot, &before, now) {
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
