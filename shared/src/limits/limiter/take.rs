//! Hits on limits that count requests: taken at once, or planned and taken by the transaction of a write.

use std::fmt::Display;

use futures_util::future::join_all;

use super::{Denied, RateLimiter, lock};
use crate::{
    client::Client,
    limits::{Limit, RateLimit, TooMany, WhenDown},
    store::{Hit, HitLog, Reading, Window},
    types::Timestamp,
};

impl RateLimiter {
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
        let window = Window { quota: limit.quota(), on_target: false };
        let log = HitLog::new(self.tokens.clone(), limit.quota().name, &names, vec![window], 0);
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
    /// an idempotency key the request may be a replay, which takes nothing. A refusal holds only if the reading is consistent.
    pub(crate) async fn plan(&self, limits: &[(Limit, String)], reading: Reading) -> Result<Vec<Hit>, Denied> {
        let now = lock(&self.current).now;
        let plans = limits.iter().map(|(limit, target)| self.store.plan_hit(self.log(*limit, target), now, reading));
        let mut denied = None;
        let plans = limits.iter().zip(join_all(plans).await);
        let hits = plans.filter_map(|((limit, _), plan)| self.passed(*limit, plan, &mut denied)).collect();
        denied.map_or(Ok(hits), Err)
    }

    /// A request with a key met a full window: takes a hit on [`Limit::FreshKeys`], in case there is no record of the key. Without a call
    /// to the store for a client that is known to have taken all of them.
    pub(crate) async fn take_fresh_key(&self) -> Result<(), Denied> {
        let client = lock(&self.current).client;
        match self.flood.is_noted(client) {
            true => Ok(()),
            false => self.take_past_flood(&[(Limit::FreshKeys, String::new())]).await,
        }
    }

    /// There was no record of the key. The hit stays, though the request is refused. If there was no room for it, the client meets the
    /// guard against floods from now on.
    pub(crate) fn keep_fresh_key(&self, taken: Result<(), Denied>) {
        let client = {
            let mut current = lock(&self.current);
            current.taken.retain(|(limit, _)| *limit != Limit::FreshKeys);
            current.client
        };
        if let Err(Denied::OverLimit(too_many)) = taken {
            self.flood.note(client, too_many.retry_after);
        }
    }

    /// The transaction of the write took these hits: the answer says how full the windows are.
    pub(crate) fn tell_used(&self, hits: &[Hit]) {
        lock(&self.current).limits.extend(hits.iter().flat_map(Hit::limits));
    }

    /// The request turned out to be a replay, which did not need these hits.
    pub(crate) fn tell_unused(&self, hits: &[Hit]) {
        lock(&self.current).limits.extend(hits.iter().flat_map(Hit::limits).map(RateLimit::without_one));
    }

    /// The request turned out to be a replay while this window is full.
    pub(crate) fn tell_full(&self, full: TooMany) {
        lock(&self.current).limits.push(full.into());
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
}
