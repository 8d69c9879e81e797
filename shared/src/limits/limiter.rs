//! What takes from the limits of the table. A flood is refused in the instance, by governor, before anything is asked of the store.
//!
//! An instance answers one request at a time. The limiter remembers what the request at hand took: the frame (http/serve.rs) writes
//! the RateLimit fields of an accepted request from it, and gives back what a refused request took.

use std::{
    collections::HashMap,
    fmt::Display,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{future::join_all, join};
use governor::{
    DefaultKeyedRateLimiter,
    clock::{Clock, DefaultClock},
};

use super::{Counts, Limit, RateLimit, TooMany, WhenDown};
use crate::{
    client::Client,
    store::{Ceiling, Hit, HitLog, Standing, Store, StoreError, Underway},
    tokens::{Purpose, Tokens},
    types::{SessionId, Timestamp},
};

/// Requests a minute that one instance takes from one client for one limit. Far above most quotas, as refused requests come in here
/// too and must get their own answers.
const FLOOD: NonZeroU32 = NonZeroU32::new(240).unwrap();

/// How many clients governor remembers before it forgets those that are quiet.
const REMEMBERED: usize = 10_000;

/// How long an attempt waits for others that are under way, and how many wait in one instance (the contract, "Rate limits").
const PATIENCE: Duration = Duration::from_secs(2);
const MOST_WAITING: usize = 8;

/// Between two looks of an attempt that waits. Checking a password takes about as long.
const LOOK_AGAIN: Duration = Duration::from_millis(60);

pub struct RateLimiter {
    store: Store,
    tokens: Tokens,
    flood: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    waiting: AtomicUsize,
    current: Arc<Mutex<Current>>,
    /// Clients that sent too many unknown idempotency keys, and until when.
    fresh_keys: Mutex<HashMap<String, Instant>>,
}

/// What the request at hand came with and took.
struct Current {
    client: Client,
    /// The session that its token names, whether or not that lives.
    session: Option<SessionId>,
    now: Timestamp,
    taken: Vec<(Limit, Hit)>,
    limits: Vec<RateLimit>,
    untold: Vec<Limit>,
    /// Attempts whose outcome is not known yet.
    attempts: Vec<Hit>,
    /// A write that counts may have been done, though nobody heard of it.
    counts_anyway: bool,
}

impl Current {
    fn new(client: Client, now: Timestamp) -> Self {
        Self {
            client,
            session: None,
            now,
            taken: Vec::new(),
            limits: Vec::new(),
            untold: Vec::new(),
            attempts: Vec::new(),
            counts_anyway: false,
        }
    }
}

/// Why a request takes nothing from a limit.
#[derive(Debug)]
pub enum Denied {
    OverLimit(TooMany),
    /// The store can't answer, and the limit is one that fails closed.
    Failed(StoreError),
}

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

impl RateLimiter {
    pub fn new(store: Store, tokens: Tokens) -> Self {
        Self {
            store,
            tokens,
            flood: DefaultKeyedRateLimiter::keyed(governor::Quota::per_minute(FLOOD)),
            clock: DefaultClock::default(),
            waiting: AtomicUsize::new(0),
            fresh_keys: Mutex::default(),
            current: Arc::new(Mutex::new(Current::new(Client::from_source_ip(""), Timestamp::from_millis(0)))),
        }
    }

    /// Another request begins.
    pub(crate) fn begin(&self, client: Client, now: Timestamp) {
        *lock(&self.current) = Current::new(client, now);
    }

    /// The request shows a token of this session, which may have ended.
    pub(crate) fn comes_with(&self, session: SessionId) {
        lock(&self.current).session = Some(session);
    }

    /// Takes one hit from `limit`, or refuses the request. `target` is what the limit counts by besides the client; a limit by client
    /// may have none. The frame gives the hit back when the request is refused.
    pub async fn take(&self, limit: Limit, target: impl Display) -> Result<(), Denied> {
        self.take_all(&[(limit, target.to_string())]).await
    }

    /// The same for a hit of which the answer says nothing.
    pub async fn take_untold(&self, limit: Limit, target: impl Display) -> Result<(), Denied> {
        lock(&self.current).untold.push(limit);
        self.take_past_flood(&[(limit, target.to_string())]).await
    }

    /// Takes one hit from each of `limits`, or refuses the request.
    pub async fn take_all(&self, limits: &[(Limit, String)]) -> Result<(), Denied> {
        self.refuse_flood(limits)?;
        self.take_past_flood(limits).await
    }

    /// Takes one hit from a limit by target, outside of a request. `false` if it is full.
    pub async fn admits(&self, limit: Limit, target: impl Display, now: Timestamp) -> bool {
        let names = limit.names(&self.tokens, Client::from_source_ip(""), &target.to_string(), now);
        let log = HitLog::new(self.tokens.clone(), limit.quota().name, &names, vec![(limit.quota(), false)], 0);
        match self.store.count_hit(log, now).await {
            Ok(Ok(hit)) => {
                self.store.tidy_hits(&[hit]).await;
                true
            }
            Ok(Err(_)) => false,
            Err(error) => {
                self.store.record_degradation(&error);
                limit.row().when_down == WhenDown::Open
            }
        }
    }

    async fn take_past_flood(&self, limits: &[(Limit, String)]) -> Result<(), Denied> {
        let now = lock(&self.current).now;
        let takes = limits.iter().map(|(limit, target)| self.store.count_hit(self.log(*limit, target), now));
        let mut denied = None;
        for ((limit, _), taken) in limits.iter().zip(join_all(takes).await) {
            if let Some(hit) = self.passed(*limit, taken, &mut denied) {
                lock(&self.current).taken.push((*limit, hit));
            }
        }
        denied.map_or(Ok(()), Err)
    }

    /// Whether the limits have room for one hit each, without taking it: a transaction takes the hits that come back. With
    /// an idempotency key the request may be a replay, which takes nothing.
    pub(crate) async fn plan(&self, limits: &[(Limit, String)]) -> Result<Vec<Hit>, Denied> {
        let now = lock(&self.current).now;
        let plans = limits.iter().map(|(limit, target)| self.store.plan_hit(self.log(*limit, target), now));
        let mut denied = None;
        let plans = limits.iter().zip(join_all(plans).await);
        let hits = plans.filter_map(|((limit, _), plan)| self.passed(*limit, plan, &mut denied)).collect();
        denied.map_or(Ok(hits), Err)
    }

    /// Lets a request with an idempotency key look for its first answer past the guard against floods. A client that has sent too many
    /// unknown keys meets the guard first.
    pub(crate) fn refuse_keyed_flood(&self, limits: &[(Limit, String)]) -> Result<(), Denied> {
        let client = hex::encode(lock(&self.current).client.as_bytes());
        let met = lock(&self.fresh_keys).get(&client).is_some_and(|until| *until > Instant::now());
        if met { self.refuse_flood(limits) } else { Ok(()) }
    }

    /// A request with a key met a full window and no record. Its hit on [`Limit::FreshKeys`] stays, though the request is refused.
    pub(crate) fn note_fresh_key(&self, taken: Result<(), Denied>) {
        let mut current = lock(&self.current);
        current.taken.retain(|(limit, _)| *limit != Limit::FreshKeys);
        if let Err(Denied::OverLimit(too_many)) = taken {
            let mut fresh_keys = lock(&self.fresh_keys);
            if fresh_keys.len() > REMEMBERED {
                fresh_keys.clear();
            }
            let until = Instant::now() + Duration::from_secs(too_many.retry_after);
            fresh_keys.insert(hex::encode(current.client.as_bytes()), until);
        }
    }

    /// Begins an attempt at a secret, on all of these limits. Attempts that are under way are no failures: where only they fill a window,
    /// this waits for them.
    pub async fn attempt(&self, limits: &[(Limit, String)]) -> Result<Attempt, Denied> {
        self.refuse_flood(limits)?;
        let now = lock(&self.current).now;
        let (failures, ceilings): (Vec<_>, Vec<_>) =
            limits.iter().partition(|(limit, _)| limit.row().counts == Counts::Failures);
        let checks = ceilings.iter().map(|(limit, target)| async move {
            let client = lock(&self.current).client;
            // A day's buckets are one item, whatever the day.
            let ceiling = self.store.ceiling(limit.quota(), &limit.name(&self.tokens, client, target, 0)).await?;
            Ok::<_, StoreError>(ceiling.check(now).map(|()| ceiling))
        });
        let starts = failures.iter().map(|(limit, target)| self.store.start_attempt(self.log(*limit, target), now));
        let (checked, started) = join!(join_all(checks), join_all(starts));

        let (mut denied, mut underway, mut allowed) = (None, Vec::new(), Vec::new());
        for ((limit, _), start) in failures.iter().zip(started) {
            if let Some(start) = self.passed(*limit, start.map(Ok), &mut denied) {
                lock(&self.current).attempts.push(start.0.hit.clone());
                underway.push((*limit, start.0, start.1));
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

    /// Waits until failures and earlier attempts leave room in every window. Says how full they are.
    async fn admitted(&self, underway: &mut [(Limit, Underway, Standing)]) -> Result<Vec<RateLimit>, Denied> {
        let started = Instant::now();
        let mut place = None;
        loop {
            let (mut limits, mut full, mut refused) = (Vec::new(), None, None::<TooMany>);
            for (limit, _, standing) in underway.iter() {
                match standing {
                    Standing::Admitted(told) if limit.is_told() => limits.push(*told),
                    Standing::Admitted(_) => {}
                    Standing::Waiting => full = Some(TooMany { quota: limit.quota(), retry_after: 1 }),
                    Standing::Refused(too_many) => {
                        let longer = refused.is_none_or(|refused| refused.retry_after < too_many.retry_after);
                        refused = if longer { Some(*too_many) } else { refused };
                    }
                }
            }
            match (refused, full) {
                (Some(too_many), _) => return Err(Denied::OverLimit(too_many)),
                (None, None) => return Ok(limits),
                (None, Some(full)) => {
                    if place.is_none() {
                        place = Waiting::begin(&self.waiting);
                    }
                    if place.is_none() || started.elapsed() > PATIENCE {
                        return Err(Denied::OverLimit(full));
                    }
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            for (_, attempt, standing) in
                underway.iter_mut().filter(|(_, _, standing)| matches!(standing, Standing::Waiting))
            {
                *standing = self.store.attempt_standing(attempt, Timestamp::now()).await.map_err(Denied::Failed)?;
            }
        }
    }

    /// What a limit let pass. Else notes why not, the longest wait first, or goes on where the limit fails open.
    fn passed<T>(
        &self,
        limit: Limit,
        outcome: Result<Result<T, TooMany>, StoreError>,
        denied: &mut Option<Denied>,
    ) -> Option<T> {
        match outcome {
            Ok(Ok(passed)) => return Some(passed),
            Ok(Err(too_many)) => match denied {
                Some(Denied::OverLimit(longer)) if longer.retry_after >= too_many.retry_after => {}
                Some(Denied::Failed(_)) => {}
                _ => *denied = Some(Denied::OverLimit(too_many)),
            },
            Err(error) if limit.row().when_down == WhenDown::Open => self.store.record_degradation(&error),
            Err(error) => *denied = Some(Denied::Failed(error)),
        }
        None
    }

    /// The transaction of the write took these hits: the answer says how full the windows are.
    pub(crate) fn tell_used(&self, hits: &[Hit]) {
        lock(&self.current).limits.extend(hits.iter().flat_map(Hit::limits));
    }

    /// The request turned out to be a replay, which needs no hit.
    pub(crate) fn tell_unused(&self, plan: &Result<Vec<Hit>, Denied>) {
        let limits: Vec<RateLimit> = match plan {
            Ok(hits) => hits.iter().flat_map(Hit::limits).map(RateLimit::without_one).collect(),
            Err(Denied::OverLimit(full)) => {
                vec![RateLimit { quota: full.quota, remaining: 0, reset: full.retry_after }]
            }
            Err(Denied::Failed(_)) => Vec::new(),
        };
        lock(&self.current).limits.extend(limits);
    }

    /// A write that counts may have been done, though nobody heard of it: what was taken stays taken.
    pub(crate) fn count_anyway(&self) {
        lock(&self.current).counts_anyway = true;
    }

    /// Gives back what the request took from `limit`: what it counts did not happen.
    pub async fn refund(&self, limit: Limit) {
        let mut refunded = Vec::new();
        lock(&self.current).taken.retain(|(taken, hit)| {
            let is_other = *taken != limit;
            refunded.extend((!is_other).then(|| hit.clone()));
            is_other
        });
        self.store.remove_hits(&refunded).await;
    }

    /// The request is over. A refused one, and one that was answered before, gives back what it took. Says what the answer tells of
    /// the limits.
    pub(crate) async fn end(&self, is_accepted: bool) -> Vec<RateLimit> {
        let current = {
            let mut current = lock(&self.current);
            let next = Current::new(current.client, current.now);
            std::mem::replace(&mut *current, next)
        };
        let Current { taken, attempts: mut undone, mut limits, untold, counts_anyway, .. } = current;
        let mut stale = Vec::new();
        for (limit, hit) in taken {
            if is_accepted && !untold.contains(&limit) {
                limits.extend(hit.limits());
            }
            if is_accepted || counts_anyway {
                stale.push(hit);
            } else {
                undone.push(hit);
            }
        }
        join!(self.store.tidy_hits(&stale), self.store.remove_hits(&undone));
        limits
    }

    fn log(&self, limit: Limit, target: &str) -> HitLog {
        let (client, now) = {
            let current = lock(&self.current);
            (current.client, current.now)
        };
        match limit.within() {
            Some(outer) => {
                let hash =
                    self.tokens.keyed_hash(Purpose::ClientAddress, &[limit.quota().name.as_bytes(), target.as_bytes()]);
                let target = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
                let names = outer.names(&self.tokens, client, "", now);
                let quotas = vec![(limit.quota(), true), (outer.quota(), false)];
                HitLog::new(self.tokens.clone(), outer.quota().name, &names, quotas, target)
            }
            None => {
                let names = limit.names(&self.tokens, client, target, now);
                HitLog::new(self.tokens.clone(), limit.quota().name, &names, vec![(limit.quota(), false)], 0)
            }
        }
    }

    /// Refuses a flood without asking the store. What counts is who sends it: the session, else the client, so that a session that
    /// has ended takes nothing from its user here.
    pub(crate) fn refuse_flood(&self, limits: &[(Limit, String)]) -> Result<(), Denied> {
        let Some((limit, target)) = limits.first() else { return Ok(()) };
        let current = lock(&self.current);
        let client = current.client.as_bytes();
        let session = current.session.map(|session| session.to_string()).unwrap_or_default();
        let parts: [&[u8]; 4] = [limit.quota().name.as_bytes(), target.as_bytes(), client, session.as_bytes()];
        let name = hex::encode(&self.tokens.keyed_hash(Purpose::ClientAddress, &parts)[..16]);
        if self.flood.len() > REMEMBERED {
            self.flood.retain_recent();
        }
        self.flood.check_key(&name).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            Denied::OverLimit(TooMany { quota: limit.quota(), retry_after: wait.as_secs() + 1 })
        })
    }
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

/// A place among the attempts that wait in this instance.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < MOST_WAITING).then_some(n + 1));
        place.is_ok().then_some(Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
