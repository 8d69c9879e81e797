//! Attempts at a secret: a right one is no failure, and attempts that are under way refuse nobody for long.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{future::join_all, join};

use super::{Current, Denied, RateLimiter, lock};
use crate::{
    limits::{Counts, Limit, RateLimit, TooMany},
    store::{Ceiling, Hit, Standing, Store, StoreError, Underway},
    types::Timestamp,
};

/// How long an attempt waits for others that are under way, and how many wait in one instance (the contract, "Rate limits").
const PATIENCE: Duration = Duration::from_secs(2);
const MOST_WAITING: usize = 8;

/// Between two looks of an attempt that waits. Checking a password takes about as long.
const LOOK_AGAIN: Duration = Duration::from_millis(60);

/// An attempt at a secret that may be made: it was counted, and the limits have room for it. Whoever made it says how it ended.
#[must_use]
pub struct Attempt {
    store: Store,
    current: Arc<Mutex<Current>>,
    hits: Vec<Hit>,
    limits: Vec<RateLimit>,
    ceilings: Vec<Ceiling>,
    now: Timestamp,
}

impl Attempt {
    /// The secret was the right one: this was no failure.
    pub async fn succeeded(self) {
        {
            let mut current = lock(&self.current);
            current.attempts.clear();
            current.limits.extend(self.limits);
        }
        self.store.remove_hits(&self.hits).await;
    }

    /// The secret was wrong.
    pub async fn failed(self) {
        lock(&self.current).attempts.clear();
        let ceilings = self.ceilings.iter().map(|ceiling| self.store.count_failure(ceiling, self.now));
        join!(self.store.fail_attempts(&self.hits), join_all(ceilings));
    }
}

impl RateLimiter {
    /// Begins an attempt at a secret, on all of these limits. Attempts that are under way are no failures: where only they fill a window,
    /// this waits for them.
    pub async fn attempt(&self, limits: &[(Limit, String)]) -> Result<Attempt, Denied> {
        self.refuse_flood(limits)?;
        let now = lock(&self.current).now;
        let (failures, ceilings): (Vec<_>, Vec<_>) =
            limits.iter().partition(|(limit, _)| limit.row().counts == Counts::Failures);
        let checks = ceilings.iter().map(|(limit, target)| self.check_ceiling(*limit, target, now));
        let starts = failures.iter().map(|(limit, target)| self.store.start_attempt(self.log(*limit, target), now));
        let (checked, started) = join!(join_all(checks), join_all(starts));

        let (mut denied, mut underway, mut allowed) = (None, Vec::new(), Vec::new());
        for ((limit, _), start) in failures.iter().zip(started) {
            if let Some((attempt, standing)) = self.passed(*limit, start.map(Ok), &mut denied) {
                lock(&self.current).attempts.push(attempt.hit.clone());
                underway.push((*limit, attempt, standing));
            }
        }
        for ((limit, _), check) in ceilings.iter().zip(checked) {
            allowed.extend(self.passed(*limit, check, &mut denied));
        }
        let limits = match denied {
            None => self.admitted(&mut underway).await,
            Some(denied) => Err(denied),
        };
        let hits: Vec<Hit> = underway.into_iter().map(|(_, underway, _)| underway.hit).collect();
        match limits {
            Ok(limits) => {
                let (store, current) = (self.store.clone(), self.current.clone());
                Ok(Attempt { store, current, hits, limits, ceilings: allowed, now })
            }
            Err(denied) => {
                lock(&self.current).attempts.clear();
                self.store.remove_hits(&hits).await;
                Err(denied)
            }
        }
    }

    async fn check_ceiling(
        &self,
        limit: Limit,
        target: &str,
        now: Timestamp,
    ) -> Result<Result<Ceiling, TooMany>, StoreError> {
        let client = lock(&self.current).client;
        // A day's buckets are one item, whatever the day.
        let ceiling = self.store.ceiling(limit.quota(), &limit.name(&self.tokens, client, target, 0)).await?;
        Ok(ceiling.check(now).map(|()| ceiling))
    }

    /// Waits until failures and earlier attempts leave room in every window. Returns how full they are.
    async fn admitted(&self, underway: &mut [(Limit, Underway, Standing)]) -> Result<Vec<RateLimit>, Denied> {
        let started = Instant::now();
        let mut place = None;
        while let Some(full) = first_full(underway)? {
            place = place.or_else(|| self.waiting.take_place());
            if place.is_none() || started.elapsed() > PATIENCE {
                return Err(Denied::OverLimit(TooMany { quota: full.quota(), retry_after: 1 }));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            let waiting = underway.iter_mut().filter(|(_, _, standing)| matches!(standing, Standing::Waiting));
            for (_, attempt, standing) in waiting {
                *standing = self.store.attempt_standing(attempt, Timestamp::now()).await.map_err(Denied::Failed)?;
            }
        }
        let limits = underway.iter().filter(|(limit, ..)| limit.is_told());
        let limits = limits.filter_map(|(_, _, standing)| match standing {
            Standing::Admitted(limit) => Some(*limit),
            _ => None,
        });
        Ok(limits.collect())
    }
}

/// A limit that attempts under way fill. `Err`: failures alone fill one, and this is the longest wait.
fn first_full(underway: &[(Limit, Underway, Standing)]) -> Result<Option<Limit>, Denied> {
    let refused = underway.iter().rev().filter_map(|(_, _, standing)| match standing {
        Standing::Refused(too_many) => Some(*too_many),
        _ => None,
    });
    if let Some(longest) = refused.max_by_key(|too_many| too_many.retry_after) {
        return Err(Denied::OverLimit(longest));
    }
    let full = underway.iter().rfind(|(_, _, standing)| matches!(standing, Standing::Waiting));
    Ok(full.map(|(limit, ..)| *limit))
}

/// Counts the attempts that wait in this instance.
#[derive(Default)]
pub(super) struct WaitingRoom(AtomicUsize);

impl WaitingRoom {
    /// `None`: as many wait as may.
    fn take_place(&self) -> Option<Place<'_>> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < MOST_WAITING).then_some(n + 1));
        taken.is_ok().then_some(Place(self))
    }
}

/// A place among the attempts that wait. It is free again when this is dropped.
struct Place<'a>(&'a WaitingRoom);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
