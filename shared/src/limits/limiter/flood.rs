//! The guard of one instance against floods. It asks nobody, so a flood costs nothing but the instance's time.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::Mutex,
    time::{Duration, Instant},
};

use governor::{
    DefaultKeyedRateLimiter,
    clock::{Clock, DefaultClock},
};

use super::{Denied, RateLimiter, lock};
use crate::{
    client::Client,
    limits::{Limit, TooMany},
    tokens::Purpose,
};

/// Requests a minute that one instance takes from one client for one limit. Far above most quotas, as refused requests come in here
/// too and must get their own answers.
const FLOOD: NonZeroU32 = NonZeroU32::new(240).unwrap();

/// How many clients are remembered before those that are quiet are forgotten.
const REMEMBERED: usize = 10_000;

pub(super) struct FloodGuard {
    requests: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    /// Clients that sent too many unknown idempotency keys, and until when.
    fresh_keys: Mutex<HashMap<Client, Instant>>,
}

impl Default for FloodGuard {
    fn default() -> Self {
        Self {
            requests: DefaultKeyedRateLimiter::keyed(governor::Quota::per_minute(FLOOD)),
            clock: DefaultClock::default(),
            fresh_keys: Mutex::default(),
        }
    }
}

impl FloodGuard {
    /// Lets one request more pass under `name`, or returns the seconds to wait.
    fn check(&self, name: String) -> Result<(), u64> {
        if self.requests.len() > REMEMBERED {
            self.requests.retain_recent();
        }
        self.requests.check_key(&name).map_err(|refused| refused.wait_time_from(self.clock.now()).as_secs() + 1)
    }

    /// Whether the client has sent too many unknown keys.
    pub fn is_noted(&self, client: Client) -> bool {
        lock(&self.fresh_keys).get(&client).is_some_and(|until| *until > Instant::now())
    }

    /// The client has sent too many unknown keys, for that many seconds.
    pub fn note(&self, client: Client, seconds: u64) {
        let mut fresh_keys = lock(&self.fresh_keys);
        if fresh_keys.len() > REMEMBERED {
            fresh_keys.clear();
        }
        fresh_keys.insert(client, Instant::now() + Duration::from_secs(seconds));
    }
}

impl RateLimiter {
    /// Refuses a flood without asking the store. It counts by whoever sends it: the session, else the client. So a session that has
    /// ended takes nothing from its user here.
    pub(crate) fn refuse_flood(&self, limits: &[(Limit, String)]) -> Result<(), Denied> {
        let Some((limit, target)) = limits.first() else { return Ok(()) };
        let quota = limit.quota();
        let name = {
            let current = lock(&self.current);
            let session = current.session.map(|session| session.to_string()).unwrap_or_default();
            let (client, session) = (current.client.as_bytes(), session.as_bytes());
            let parts: [&[u8]; 4] = [quota.name.as_bytes(), target.as_bytes(), client, session];
            hex::encode(&self.tokens.keyed_hash(Purpose::ClientAddress, &parts)[..16])
        };
        self.flood.check(name).map_err(|retry_after| Denied::OverLimit(TooMany { quota, retry_after }))
    }

    /// Lets a request with an idempotency key look for its first answer past the guard against floods. A client that has sent too many
    /// unknown keys meets the guard first.
    pub(crate) fn refuse_keyed_flood(&self, limits: &[(Limit, String)]) -> Result<(), Denied> {
        let client = lock(&self.current).client;
        if self.flood.is_noted(client) { self.refuse_flood(limits) } else { Ok(()) }
    }
}
