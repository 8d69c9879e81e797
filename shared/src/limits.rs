//! Every quota of the product, in one table. A flood is refused in the instance, by governor, before anything is asked of
//! the store; what passes is counted exactly by the sliding window in the store (store/limits.rs).

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter,
    clock::{Clock, DefaultClock},
};

use crate::{
    client::Client,
    store::{HitLog, Hits, Meter, Quota, Store, StoreError, TooMany},
    tokens::{Purpose, Tokens},
    types::Timestamp,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Messages that a client sends to one inbox.
    InboxMessages,
    /// Messages that a client sends to all inboxes.
    AllInboxes,
    /// Codes that a client has sent to any address.
    Codes,
    /// Codes that are sent to one address.
    CodesToAddress,
    /// Device codes that are tried on one account.
    DeviceCodes,
    /// Links that a client creates.
    Links,
    /// Messages that a client sends to one link.
    LinkMessages,
    /// Devices that are new to one account.
    NewDevices,
    /// Passwords that are tried on one account, by its name or its address.
    Passwords,
    /// Passwords that a client tries on any account.
    PasswordsByClient,
    /// PINs that a client tries on one link.
    Pins,
    /// Private messages that a user sends.
    PrivateMessages,
    /// Passwords that a signed-in user gives once more.
    Proofs,
    /// Codes for a new password that are tried on one address.
    ResetCodes,
}

/// What happens while the limiter itself is down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenDown {
    /// The request goes on uncounted.
    Open,
    /// The request fails.
    Closed,
}

impl Limit {
    pub const fn quota(self) -> Quota {
        const MINUTE: u64 = 60;
        let (name, hits, minutes) = match self {
            Self::AllInboxes => ("all-inboxes", 30, 1),
            Self::Codes => ("codes", 10, 60),
            Self::CodesToAddress => ("codes-to-address", 3, 10),
            Self::DeviceCodes => ("device-codes", 10, 15),
            Self::InboxMessages => ("inbox-messages", 5, 1),
            Self::LinkMessages => ("link-messages", 5, 1),
            Self::Links => ("links", 10, 60),
            Self::NewDevices => ("new-devices", 20, 60),
            Self::Passwords => ("passwords", 10, 15),
            Self::PasswordsByClient => ("passwords-by-client", 10, 15),
            Self::Pins => ("pins", 10, 15),
            Self::PrivateMessages => ("private-messages", 60, 1),
            Self::Proofs => ("proofs", 10, 15),
            Self::ResetCodes => ("reset-codes", 15, 24 * 60),
        };
        Quota { name, hits, window: Duration::from_secs(minutes * MINUTE) }
    }

    const fn when_down(self) -> WhenDown {
        match self {
            Self::AllInboxes | Self::InboxMessages | Self::Links | Self::LinkMessages | Self::PrivateMessages => {
                WhenDown::Open
            }
            Self::Codes
            | Self::CodesToAddress
            | Self::DeviceCodes
            | Self::NewDevices
            | Self::Passwords
            | Self::PasswordsByClient
            | Self::Pins
            | Self::Proofs
            | Self::ResetCodes => WhenDown::Closed,
        }
    }
}

/// Requests a minute that one instance takes from one client for one limit. Far above every quota, as refused requests and
/// repeats come in here too and must get their own answers.
const FLOOD: NonZeroU32 = NonZeroU32::new(120).unwrap();

/// How many clients governor remembers before it forgets those that are quiet.
const REMEMBERED: usize = 10_000;

pub struct Limits {
    flood: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
}

impl Default for Limits {
    fn default() -> Self {
        let flood = DefaultKeyedRateLimiter::keyed(governor::Quota::per_minute(FLOOD));
        Self { flood, clock: DefaultClock::default() }
    }
}

/// A request that governor let pass; what it counts as in the store.
pub struct Gate<'a> {
    tokens: &'a Tokens,
    limit: Limit,
    names: Vec<String>,
}

/// Who or what is counted: a client, or everyone at once.
#[derive(Clone, Copy)]
pub enum Counted {
    Client(Client),
    Everyone,
}

impl Counted {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Client(client) => client.as_bytes(),
            Self::Everyone => b"",
        }
    }
}

impl From<Client> for Counted {
    fn from(client: Client) -> Self {
        Self::Client(client)
    }
}

impl Limit {
    /// The names under which a hit at `now` counts; the first decides. Names change at midnight UTC: the hits of the last
    /// window before it count under tomorrow's name too, so that the window slides on over midnight.
    fn names(self, tokens: &Tokens, counted: Counted, target: &str, now: Timestamp) -> Vec<String> {
        let day = now.day();
        let mut names = vec![self.name(tokens, counted, target, day)];
        if now.after(self.quota().window + Duration::from_secs(1)).day() != day {
            names.push(self.name(tokens, counted, target, day + 1));
        }
        names
    }

    /// Who is counted has unrelated names under another limit, on another target and on another day.
    fn name(self, tokens: &Tokens, counted: Counted, target: &str, day: i64) -> String {
        let parts: [&[u8]; 4] =
            [&day.to_be_bytes(), self.quota().name.as_bytes(), target.as_bytes(), counted.as_bytes()];
        hex::encode(&tokens.keyed_hash(Purpose::ClientAddress, &parts)[..16])
    }

    /// A meter for tries that are counted before they are made. The store is not asked what it holds: the first write that
    /// fails tells. It fails closed, as there is no try without that write.
    pub fn blank_meter(
        self,
        tokens: &Tokens,
        counted: impl Into<Counted>,
        target: impl ToString,
        now: Timestamp,
    ) -> Meter<'_> {
        let names = self.names(tokens, counted.into(), &target.to_string(), now);
        Meter::blank(tokens, self.quota(), names)
    }

    /// The hits as the store has them, of a limit that fails closed.
    pub async fn meter<'a>(
        self,
        store: &Store,
        tokens: &'a Tokens,
        counted: impl Into<Counted>,
        target: impl ToString,
        now: Timestamp,
    ) -> Result<Meter<'a>, StoreError> {
        let names = self.names(tokens, counted.into(), &target.to_string(), now);
        store.meter(tokens, self.quota(), names).await
    }
}

impl Limits {
    /// Refuses a flood without asking the store. `target` is what the limit is counted for, besides who is counted.
    pub fn admit<'a>(
        &self,
        tokens: &'a Tokens,
        limit: Limit,
        counted: impl Into<Counted>,
        target: &str,
        now: Timestamp,
    ) -> Result<Gate<'a>, TooMany> {
        let quota = limit.quota();
        let names = limit.names(tokens, counted.into(), target, now);
        if self.flood.len() > REMEMBERED {
            self.flood.retain_recent();
        }
        match self.flood.check_key(&names[0]) {
            Ok(()) => Ok(Gate { tokens, limit, names }),
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                Err(TooMany { quota, retry_after: wait.as_secs() + 1 })
            }
        }
    }
}

impl<'a> Gate<'a> {
    /// The hits as the store has them; `None` when the limiter is down and the limit fails open.
    pub async fn meter(self, store: &Store) -> Result<Option<Meter<'a>>, StoreError> {
        match store.meter(self.tokens, self.limit.quota(), self.names).await {
            Ok(meter) => Ok(Some(meter)),
            Err(error) if self.limit.when_down() == WhenDown::Open => {
                store.record_degradation(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Counts a hit on this limit and, for one `recipient` of many, on another one with it, in one write. No hit when the limiter
    /// is down and the limit fails open.
    pub async fn hit(
        self,
        store: &Store,
        one: Limit,
        recipient: &str,
        now: Timestamp,
    ) -> Result<Option<Hits<'a>>, TooMany> {
        let tag = self.tokens.keyed_hash(Purpose::ClientAddress, &[one.quota().name.as_bytes(), recipient.as_bytes()]);
        let tag = u32::from_be_bytes([tag[0], tag[1], tag[2], tag[3]]);
        let log = HitLog::new(self.tokens, self.limit.quota(), one.quota(), tag, self.names);
        match store.hit(log, now).await {
            Ok(hit) => hit.map(Some),
            Err(error) => {
                store.record_degradation(&error);
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ip: &str, target: &str, now: Timestamp) -> Vec<String> {
        let tokens = Tokens::new("a secret key of a test, long enough for it");
        let gate = Limits::default().admit(&tokens, Limit::LinkMessages, Client::from_source_ip(ip), target, now);
        gate.ok().unwrap().names
    }

    #[test]
    fn clients_are_told_apart_by_address_and_by_64_bits_of_ipv6() {
        let noon = Timestamp::from_millis(1_770_379_200_000);
        let name = |ip| names(ip, "a-link", noon);
        assert_ne!(name("192.0.2.1"), name("192.0.2.2"));
        assert_eq!(name("192.0.2.1"), name("::ffff:192.0.2.1"));
        assert_eq!(name("2001:db8:1:2::1"), name("2001:db8:1:2:ffff::9"));
        assert_ne!(name("2001:db8:1:2::1"), name("2001:db8:1:3::1"));
        assert_eq!(name("not an address"), name(""));
    }

    #[test]
    fn a_client_has_unrelated_names_under_another_target_and_on_another_day() {
        let noon = Timestamp::from_millis(1_770_379_200_000);
        let tomorrow = noon.after(Duration::from_secs(24 * 60 * 60));
        assert_ne!(names("192.0.2.1", "one", noon), names("192.0.2.1", "two", noon));
        assert_ne!(names("192.0.2.1", "one", noon), names("192.0.2.1", "one", tomorrow));
    }

    #[test]
    fn hits_shortly_before_midnight_count_under_the_next_days_name_too() {
        let midnight = Timestamp::from_millis(1_770_379_200_000 - 43_200_000);
        let before = Timestamp::from_millis(midnight.millis() - 59_000);
        let after = names("192.0.2.1", "one", midnight);
        assert_eq!(after.len(), 1);
        assert_eq!(names("192.0.2.1", "one", before)[1], after[0]);
        assert_eq!(names("192.0.2.1", "one", Timestamp::from_millis(midnight.millis() - 62_000)).len(), 1);
    }

    #[test]
    fn a_flood_is_refused_in_the_instance() {
        let tokens = Tokens::new("a secret key of a test, long enough for it");
        let (limits, client) = (Limits::default(), Client::from_source_ip("192.0.2.1"));
        let refused = (0..200)
            .filter_map(|_| limits.admit(&tokens, Limit::LinkMessages, client, "one", Timestamp::now()).err())
            .collect::<Vec<_>>();
        assert!((70..=80).contains(&refused.len()), "{}", refused.len());
        assert!(refused.iter().all(|refused| refused.retry_after >= 1));
    }
}
