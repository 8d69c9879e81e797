//! The arithmetic of sliding windows: whether the hits of an item leave room, and how long the wait is if not. Nothing here reads a
//! clock or the store.

use std::{collections::HashSet, time::Duration};

use super::row::StoredHit;
use crate::types::Timestamp;

/// How long an attempt is taken to be under way: longer than any function lives.
pub(super) const ATTEMPT_LASTS: Duration = Duration::from_secs(30);

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

impl From<TooMany> for RateLimit {
    fn from(full: TooMany) -> Self {
        Self { quota: full.quota, remaining: 0, reset: full.retry_after }
    }
}

/// A quota, and which hits of an item count in it.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub quota: Quota,
    /// Only the hits on the log's target count. Otherwise all do.
    pub on_target: bool,
}

/// How an attempt stands among the others.
pub(crate) enum Standing {
    Admitted(RateLimit),
    /// Failures and attempts that began before fill the window.
    Waiting,
    /// Failures alone fill the window.
    Refused(TooMany),
}

/// How full the windows are with the hits of an item, the hit in question among them.
pub(super) fn judge(windows: &[Window], hits: &[StoredHit], now: Timestamp) -> Result<Vec<RateLimit>, TooMany> {
    windows.iter().map(|window| window.judge(hits, now)).collect()
}

impl Window {
    fn judge(&self, hits: &[StoredHit], now: Timestamp) -> Result<RateLimit, TooMany> {
        let Self { quota, on_target } = *self;
        let live = hits.iter().filter(|hit| (hit.on_target || !on_target) && hit.at.after(quota.window) > now);
        let ends = ends(live, quota, now);
        let most = quota.hits as usize;
        match ends.len().checked_sub(most + 1) {
            // There is room for one more when all hits but `most - 1` have gone. The hit in question goes by itself.
            Some(over) => Err(TooMany { quota, retry_after: ends[over] }),
            None => {
                Ok(RateLimit { quota, remaining: most - ends.len(), reset: ends.first().copied().unwrap_or_default() })
            }
        }
    }
}

/// How the attempt in slot `own` stands. The attempts in `before` were under way when it began.
pub(super) fn standing(
    quota: Quota,
    hits: &[StoredHit],
    own: &str,
    before: &HashSet<String>,
    now: Timestamp,
) -> Standing {
    let is_under_way = |hit: &&StoredHit| hit.under_way && hit.at.after(ATTEMPT_LASTS) > now;
    let others = || hits.iter().filter(|hit| hit.slot != own && hit.at.after(quota.window) > now);
    let failures = ends(others().filter(|hit| !is_under_way(hit)), quota, now);
    let under_way = others().filter(is_under_way).filter(|hit| before.contains(&hit.slot)).count();
    let most = quota.hits as usize;
    match failures.len().checked_sub(most) {
        Some(over) => Standing::Refused(TooMany { quota, retry_after: failures[over] }),
        None if failures.len() + under_way >= most => Standing::Waiting,
        None => Standing::Admitted(RateLimit {
            quota,
            remaining: most - failures.len(),
            reset: failures.first().copied().unwrap_or(quota.window.as_secs()),
        }),
    }
}

/// The seconds after which hits leave the window, soonest first.
fn ends<'h>(hits: impl Iterator<Item = &'h StoredHit>, quota: Quota, now: Timestamp) -> Vec<u64> {
    let mut ends: Vec<i64> = hits.map(|hit| hit.at.after(quota.window).millis() - now.millis()).collect();
    ends.sort_unstable();
    // A hit of another clock may lie ahead of ours.
    ends.into_iter().map(|end| end.unsigned_abs().div_ceil(1000).min(quota.window.as_secs())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;
    const ALL: Window = window("all", 6, false);
    const ONE: Window = window("one", 3, true);
    const START: i64 = 1_770_000_000_000;

    const fn window(name: &'static str, hits: u32, on_target: bool) -> Window {
        Window { quota: Quota { name, hits, window: Duration::from_secs(60) }, on_target }
    }

    /// Hits at these times on these targets, as the log of `target` reads them.
    fn stored(hits: &[(i64, u32)], target: u32) -> Vec<StoredHit> {
        let hit = |(n, (at, to)): (usize, &(i64, u32))| StoredHit {
            slot: n.to_string(),
            at: Timestamp::from_millis(*at),
            on_target: *to == target,
            under_way: false,
        };
        hits.iter().enumerate().map(hit).collect()
    }

    /// Judges a hit as if the item held `hits` and it.
    fn judged(hits: &[(i64, u32)], target: u32, now: i64) -> Result<Vec<RateLimit>, TooMany> {
        let all = [hits, &[(now, target)]].concat();
        judge(&[ONE, ALL], &stored(&all, target), Timestamp::from_millis(now))
    }

    #[test]
    fn one_target_and_all_of_them_are_counted_apart() {
        let to_one = [(1_000, 1), (2_000, 1), (3_000, 1)];
        let too_many = judged(&to_one, 1, 4_000).unwrap_err();
        assert_eq!((too_many.quota.name, too_many.retry_after), ("one", 57));
        let limits = judged(&to_one, 2, 4_000).unwrap();
        assert_eq!((limits[0].remaining, limits[1].remaining, limits[1].reset), (2, 2, 57));
        let to_many: Vec<(i64, u32)> = (1..=6).map(|n| (i64::from(n) * 1_000, n)).collect();
        assert_eq!(judged(&to_many, 9, 7_000).unwrap_err().quota.name, "all");
        assert!(judged(&to_many, 9, 61_000).is_ok());
    }

    #[test]
    fn an_attempt_waits_only_for_those_that_began_before_it_and_for_half_a_minute() {
        let attempt = |slot: &str, at: i64, under_way| StoredHit {
            slot: slot.to_owned(),
            at: Timestamp::from_millis(START + at),
            on_target: true,
            under_way,
        };
        let hits =
            [attempt("a", 0, false), attempt("b", 0, false), attempt("c", 1_000, true), attempt("own", 2_000, true)];
        let before = |slots: &[&str]| slots.iter().map(|slot| (*slot).to_owned()).collect();
        let at = |now: i64, slots: &[&str]| {
            standing(ONE.quota, &hits, "own", &before(slots), Timestamp::from_millis(START + now))
        };
        assert!(matches!(at(2_000, &["a", "b", "c"]), Standing::Waiting));
        assert!(matches!(at(2_000, &["a", "b"]), Standing::Admitted(limit) if limit.remaining == 1));
        // Its function died: it counts as a failure until its window is over.
        assert!(matches!(at(31_001, &["a", "b", "c"]), Standing::Refused(full) if full.retry_after == 29));
        assert!(matches!(at(60_500, &["a", "b", "c"]), Standing::Admitted(limit) if limit.remaining == 2));
    }

    /// How many hits there are in the window that ends with each of them: the most.
    fn fullest(hits: &[i64]) -> usize {
        let in_window = |end: &i64| hits.iter().filter(|at| (end - MINUTE + 1..=*end).contains(*at)).count();
        hits.iter().map(in_window).max().unwrap_or_default()
    }

    proptest! {
        /// Hits arrive in any order of their times, as the clocks of instances differ.
        #[test]
        fn no_window_ever_accepts_more_than_its_quota(
            arriving in prop::collection::vec((0i64..4 * MINUTE, 0u32..3), 1..120),
        ) {
            let mut accepted: Vec<(i64, u32)> = Vec::new();
            for (at, target) in arriving {
                if judged(&accepted, target, START + at).is_ok() {
                    accepted.push((START + at, target));
                }
            }
            let times = |target: Option<u32>| -> Vec<i64> {
                accepted.iter().filter(|(_, to)| target.is_none_or(|target| *to == target)).map(|(at, _)| *at).collect()
            };
            prop_assert!(fullest(&times(None)) <= 6);
            for target in 0..3 {
                prop_assert!(fullest(&times(Some(target))) <= 3);
            }
        }

        /// With one clock, a hit is accepted exactly when the hits that were kept leave room for it.
        #[test]
        fn what_is_given_back_makes_room(
            steps in prop::collection::vec((0i64..20_000, 0u32..3, any::<prop::sample::Index>(), any::<bool>()), 1..120),
        ) {
            let (mut now, mut kept): (i64, Vec<(i64, u32)>) = (START, Vec::new());
            for (pause, target, which, is_refund) in steps {
                now += pause;
                if is_refund && !kept.is_empty() {
                    kept.swap_remove(which.index(kept.len()));
                }
                let live = kept.iter().filter(|(at, _)| *at > now - MINUTE);
                let (all, on_target) = (live.clone().count(), live.filter(|(_, to)| *to == target).count());
                let outcome = judged(&kept, target, now);
                prop_assert_eq!(outcome.is_ok(), all < 6 && on_target < 3);
                if let Ok(limits) = outcome {
                    kept.push((now, target));
                    prop_assert_eq!((limits[0].remaining, limits[1].remaining), (2 - on_target, 5 - all));
                }
            }
        }

        /// Whoever comes again after `Retry-After` is accepted, unless another one came first. A second earlier nobody is.
        #[test]
        fn a_refused_hit_is_accepted_when_its_wait_is_over_and_not_before(
            pauses in prop::collection::vec(0i64..12_000, 6..40), target in 0u32..2,
        ) {
            let (mut now, mut accepted): (i64, Vec<(i64, u32)>) = (START, Vec::new());
            for (n, pause) in pauses.iter().enumerate() {
                now += pause;
                let to = n as u32 % 2;
                if judged(&accepted, to, now).is_ok() {
                    accepted.push((now, to));
                }
            }
            if let Err(full) = judged(&accepted, target, now) {
                let wait = full.retry_after as i64 * 1000;
                prop_assert!((1..=60).contains(&full.retry_after));
                let later = judged(&accepted, target, now + wait);
                // Another window may be full for longer.
                prop_assert!(later.is_ok() || later.unwrap_err().quota.name != full.quota.name);
                let sooner = judged(&accepted, target, now + wait - 1000);
                prop_assert!(sooner.is_err());
            }
        }
    }
}
