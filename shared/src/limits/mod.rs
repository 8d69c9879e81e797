//! Every rate limit of the product, in one table. limiter.rs is what takes from them, store/hits.rs how they are counted.

mod limiter;

use std::time::Duration;

pub use limiter::{Attempt, Denied, RateLimiter};

pub use crate::store::{Quota, RateLimit, TooMany};
use crate::{
    client::Client,
    tokens::{Purpose, Tokens},
    types::Timestamp,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Messages that a client sends to all inboxes.
    AllInboxes,
    /// Cards that a client uploads.
    Cards,
    /// Codes that a client has sent to any address.
    Codes,
    /// Codes that are sent to one address.
    CodesToAddress,
    /// Communities that a user founds.
    Communities,
    /// What a user changes of communities: their texts, memberships and blocks.
    CommunityChanges,
    /// Community messages that a user sends or deletes.
    CommunityMessages,
    /// Wrong device codes on one account.
    DeviceCodes,
    /// Requests of a client with an unknown idempotency key, while the window that they count in is full.
    FreshKeys,
    /// What a user changes in the inbox: deleted messages and blocked senders.
    InboxChanges,
    /// Messages that a client sends to one inbox.
    InboxMessages,
    /// What a client changes of links: their settings, and what is deleted.
    LinkChanges,
    /// Messages that a client sends to one link.
    LinkMessages,
    /// Wrong PINs on one link.
    LinkPins,
    /// Links that a client creates.
    Links,
    /// Conversations that a user marks as delivered or seen.
    Marks,
    /// Devices that are new to one account.
    NewDevices,
    /// Wrong passwords on one account, by its name or its address.
    Passwords,
    /// Wrong passwords of a client on any account.
    PasswordsByClient,
    /// Wrong passwords on a trusted device of the account.
    PasswordsOnDevice,
    /// Wrong PINs of a client on one link.
    Pins,
    /// Private messages that a user deletes.
    PrivateDeletions,
    /// Private messages that a user sends.
    PrivateMessages,
    /// Wrong passwords of a signed-in user who has to give it once more.
    Proofs,
    /// Messages in one place that a user is pushed.
    Pushes,
    /// Subscriptions to pushes that a user makes or deletes.
    PushSubscriptions,
    /// Messages that a user reports.
    Reports,
    /// Wrong codes for a new password of one address.
    ResetCodes,
    /// Sessions and devices that a user ends.
    Sessions,
    /// Settings that a user changes.
    Settings,
    /// Wrong codes of sign-ups with one address.
    SignUpCodes,
    /// Accounts that a client makes.
    SignUps,
    /// Unsubscriptions by the link of one user's mails.
    Unsubscriptions,
    /// Uploads that a user announces.
    Uploads,
    /// Users whom a user blocks or unblocks.
    UserBlocks,
    /// Usernames that a client asks about.
    Usernames,
}

/// Whom or what a limit counts by, besides the target that the request names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The client's network address, under a name that changes every day.
    Client,
    /// The target alone: a user, an account, a device, a link, an address.
    Target,
}

/// What a limit counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Requests that were not refused.
    Hits,
    /// Wrong attempts at a secret.
    Failures,
    /// Wrong attempts at a secret, after the fact, in hourly buckets.
    FailuresADay,
}

/// What happens while the store can't answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenDown {
    /// The request goes on uncounted.
    Open,
    /// The request fails.
    Closed,
}

/// A row of the table.
struct Row {
    quota: Quota,
    by: By,
    counts: Counts,
    when_down: WhenDown,
}

impl Limit {
    pub const ALL: [Self; 36] = [
        Self::AllInboxes,
        Self::Cards,
        Self::Codes,
        Self::CodesToAddress,
        Self::Communities,
        Self::CommunityChanges,
        Self::CommunityMessages,
        Self::DeviceCodes,
        Self::FreshKeys,
        Self::InboxChanges,
        Self::InboxMessages,
        Self::LinkChanges,
        Self::LinkMessages,
        Self::LinkPins,
        Self::Links,
        Self::Marks,
        Self::NewDevices,
        Self::Passwords,
        Self::PasswordsByClient,
        Self::PasswordsOnDevice,
        Self::Pins,
        Self::PrivateDeletions,
        Self::PrivateMessages,
        Self::Proofs,
        Self::Pushes,
        Self::PushSubscriptions,
        Self::Reports,
        Self::ResetCodes,
        Self::Sessions,
        Self::Settings,
        Self::SignUpCodes,
        Self::SignUps,
        Self::Unsubscriptions,
        Self::Uploads,
        Self::UserBlocks,
        Self::Usernames,
    ];

    #[rustfmt::skip]
    const fn row(self) -> Row {
        use {By::{Client, Target}, Counts::{Failures, FailuresADay, Hits}, WhenDown::{Closed, Open}};
        const DAY: u64 = 24 * 60;
        let (name, hits, minutes, by, counts, when_down) = match self {
            //                          name                  hits  minutes by   counts     while the store is down
            Self::AllInboxes        => ("all-inboxes",         30,    1, Client, Hits,         Open),
            Self::Cards             => ("cards",               20,    1, Client, Hits,         Open),
            Self::Codes             => ("codes",               10,   60, Client, Hits,         Closed),
            Self::CodesToAddress    => ("codes-to-address",     3,   10, Target, Hits,         Closed),
            Self::Communities       => ("communities",         30,   60, Target, Hits,         Open),
            Self::CommunityChanges  => ("community-changes",   60,    1, Target, Hits,         Open),
            Self::CommunityMessages => ("community-messages", 120,    1, Target, Hits,         Open),
            Self::DeviceCodes       => ("device-codes",        30,  DAY, Target, FailuresADay, Closed),
            Self::FreshKeys         => ("fresh-keys",          30,   60, Client, Hits,         Open),
            Self::InboxChanges      => ("inbox-changes",      120,    1, Target, Hits,         Open),
            Self::InboxMessages     => ("inbox-messages",       5,    1, Client, Hits,         Open),
            Self::LinkChanges       => ("link-changes",        60,    1, Client, Hits,         Open),
            Self::LinkMessages      => ("link-messages",        5,    1, Client, Hits,         Open),
            Self::LinkPins          => ("link-pins",         1000,  DAY, Target, FailuresADay, Closed),
            Self::Links             => ("links",               10,   60, Client, Hits,         Open),
            Self::Marks             => ("marks",              120,    1, Target, Hits,         Open),
            Self::NewDevices        => ("new-devices",         20,   60, Target, Hits,         Closed),
            Self::Passwords         => ("passwords",           10,   15, Target, Failures,     Closed),
            Self::PasswordsByClient => ("passwords-by-client", 10,   15, Client, Failures,     Closed),
            Self::PasswordsOnDevice => ("passwords-on-device", 10,   15, Target, Failures,     Closed),
            Self::Pins              => ("pins",                10,   15, Client, Failures,     Closed),
            Self::PrivateDeletions  => ("private-deletions",   60,    1, Target, Hits,         Open),
            Self::PrivateMessages   => ("private-messages",    60,    1, Target, Hits,         Open),
            Self::Proofs            => ("proofs",              10,   15, Target, Failures,     Closed),
            Self::Pushes            => ("pushes",             120,   10, Target, Hits,         Open),
            Self::PushSubscriptions => ("push-subscriptions", 120,    1, Target, Hits,         Open),
            Self::Reports           => ("reports",             20,   60, Target, Hits,         Open),
            Self::ResetCodes        => ("reset-codes",         30,  DAY, Target, FailuresADay, Closed),
            Self::Sessions          => ("sessions",            60,    1, Target, Hits,         Open),
            Self::Settings          => ("settings",            60,    1, Target, Hits,         Open),
            Self::SignUpCodes       => ("sign-up-codes",       30,  DAY, Target, FailuresADay, Closed),
            Self::SignUps           => ("sign-ups",            30,   60, Client, Hits,         Open),
            Self::Unsubscriptions   => ("unsubscriptions",     20,    1, Target, Hits,         Open),
            Self::Uploads           => ("uploads",            120,    1, Target, Hits,         Open),
            Self::UserBlocks        => ("user-blocks",         60,    1, Target, Hits,         Open),
            Self::Usernames         => ("usernames",           60,    1, Client, Hits,         Open),
        };
        Row { quota: Quota { name, hits, window: Duration::from_secs(minutes * 60) }, by, counts, when_down }
    }

    pub const fn quota(self) -> Quota {
        self.row().quota
    }

    /// The limit in whose item the hits of this one are counted, as each of them counts there, too.
    const fn within(self) -> Option<Self> {
        match self {
            Self::InboxMessages => Some(Self::AllInboxes),
            _ => None,
        }
    }

    /// Whether an answer says how much is left of it. Of PINs an accepted message says nothing.
    const fn is_told(self) -> bool {
        !matches!(self, Self::Pins)
    }

    /// The names under which a hit at `now` counts. Names change at midnight UTC: the hits of the last window before it count under
    /// tomorrow's name too, so that the window slides on over midnight.
    fn names(self, tokens: &Tokens, client: Client, target: &str, now: Timestamp) -> Vec<String> {
        let day = now.day();
        let mut names = vec![self.name(tokens, client, target, day)];
        if now.after(self.quota().window + Duration::from_secs(1)).day() != day {
            names.push(self.name(tokens, client, target, day + 1));
        }
        names
    }

    /// A client has unrelated names under another limit, on another target and on another day.
    fn name(self, tokens: &Tokens, client: Client, target: &str, day: i64) -> String {
        let client: &[u8] = if self.row().by == By::Client { client.as_bytes() } else { b"" };
        let parts: [&[u8]; 4] = [&day.to_be_bytes(), self.quota().name.as_bytes(), target.as_bytes(), client];
        hex::encode(&tokens.keyed_hash(Purpose::ClientAddress, &parts)[..16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ip: &str, target: &str, now: Timestamp) -> Vec<String> {
        let tokens = Tokens::new("a secret key of a test, long enough for it");
        Limit::LinkMessages.names(&tokens, Client::from_source_ip(ip), target, now)
    }

    #[test]
    fn each_row_has_a_name_of_its_own() {
        let mut names: Vec<_> = Limit::ALL.iter().map(|limit| limit.quota().name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Limit::ALL.len());
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
}
