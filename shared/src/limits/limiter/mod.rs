//! The limiter: everything that takes from the limits of the table, and gives back.
//!
//! An instance answers one request at a time. The limiter remembers what the request at hand took. From that the frame (http/serve.rs)
//! writes the RateLimit fields of an accepted request, and gives back the hits of a refused one.
//!
//! * [`take`]: hits on limits that count requests.
//! * [`attempt`]: attempts at a secret, on limits that count failures.
//! * [`flood`]: the guard of this instance, which asks nobody.

mod attempt;
mod flood;
mod take;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::join;

use self::{attempt::WaitingRoom, flood::FloodGuard};
use super::{Limit, RateLimit, TooMany, WhenDown};
use crate::{
    client::Client,
    store::{Hit, HitLog, Store, StoreError, Window},
    tokens::{Purpose, Tokens},
    types::{SessionId, Timestamp},
};

pub use attempt::Attempt;

pub struct RateLimiter {
    store: Store,
    tokens: Tokens,
    flood: FloodGuard,
    waiting: WaitingRoom,
    current: Arc<Mutex<Current>>,
}

/// The request at hand, and what it took.
struct Current {
    client: Client,
    /// The session that its token names, whether or not that lives.
    session: Option<SessionId>,
    now: Timestamp,
    taken: Vec<(Limit, Hit)>,
    /// How full the windows are in which the request counts by its write, or as an attempt.
    limits: Vec<RateLimit>,
    /// Limits of which the answer says nothing.
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

impl RateLimiter {
    pub fn new(store: Store, tokens: Tokens) -> Self {
        let nobody = Current::new(Client::from_source_ip(""), Timestamp::from_millis(0));
        Self {
            store,
            tokens,
            flood: FloodGuard::default(),
            waiting: WaitingRoom::default(),
            current: Arc::new(Mutex::new(nobody)),
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

    /// The request is over. A refused one, and one that was answered before, gives back what it took. Returns the limits that the answer
    /// tells.
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

    /// Returns what a limit let pass. Otherwise keeps the reason in `denied`, the longest wait of several. If the store can't answer and
    /// the limit fails open, there is no reason: the request goes on uncounted.
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

    /// Where the request's hits on this limit are counted.
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
                let own = Window { quota: limit.quota(), on_target: true };
                let all = Window { quota: outer.quota(), on_target: false };
                HitLog::new(self.tokens.clone(), outer.quota().name, &names, vec![own, all], target)
            }
            None => {
                let names = limit.names(&self.tokens, client, target, now);
                let window = Window { quota: limit.quota(), on_target: false };
                HitLog::new(self.tokens.clone(), limit.quota().name, &names, vec![window], 0)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
