//! Every rate limit of the product, in one table. limiter/ takes from them, store/hits/ counts.

mod limiter;

use std::time::Duration;

pub use limiter::{Attempt, Denied, RateLimiter};

pub use crate::store::{Quota, RateLimit, TooMany};
use crate::{
    client::Client,
    tokens::{Purpose, Tokens},
    types::Timestamp,
};

/// By what a limit counts, besides the target that the request names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The client's network address, under a name that changes every day.
    Client,
    /// The target alone: a user, an account, a device, a link, an address.
    Target,
}

/// The events that a limit counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Requests that were not refused.
    Hits,
    /// Wrong attempts at a secret.
    Failures,
    /// Wrong attempts at a secret, after the fact, in hourly buckets.
    FailuresADay,
}

/// How a limit decides while the store can't answer.
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

/// Makes the enum [`Limit`] and its rows of one table.
macro_rules! limits {
    ($($(#[$doc:meta])* $limit:ident = ($name:literal, $hits:literal, $minutes:expr, $by:ident, $counts:ident, $when_down:ident);)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Limit {
            $($(#[$doc])* $limit,)*
        }

        impl Limit {
            pub const ALL: &[Self] = &[$(Self::$limit),*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$limit => Row {
                        quota: Quota { name: $name, hits: $hits, window: Duration::from_secs($minutes * 60) },
                        by: By::$by,
                        counts: Counts::$counts,
                        when_down: WhenDown::$when_down,
                    },)*
                }
            }
        }
    };
}

/// Minutes.
const DAY: u64 = 24 * 60;

limits! {
    //                   name                  hits  minutes by   counts     while the store is down
    /// Messages that a client sends to all inboxes.
    AllInboxes        = ("all-inboxes",         30,    1, Client, Hits,         Open);
    /// Cards that a client uploads.
    Cards             = ("cards",               20,    1, Client, Hits,         Open);
    /// Codes that a client has sent to any address.
    Codes             = ("codes",               10,   60, Client, Hits,         Closed);
    /// Codes that are sent to one address.
    CodesToAddress    = ("codes-to-address",     3,   10, Target, Hits,         Closed);
    /// Communities that a user founds.
    Communities       = ("communities",         30,   60, Target, Hits,         Open);
    /// Changes that a user makes to communities: their texts, memberships and blocks.
    CommunityChanges  = ("community-changes",   60,    1, Target, Hits,         Open);
    /// Community messages that a user sends or deletes.
    CommunityMessages = ("community-messages", 120,    1, Target, Hits,         Open);
    /// Wrong device codes on one account.
    DeviceCodes       = ("device-codes",        30,  DAY, Target, FailuresADay, Closed);
    /// Requests of a client with an unknown idempotency key, while the window that they count in is full.
    FreshKeys         = ("fresh-keys",          30,   60, Client, Hits,         Open);
    /// Changes that a user makes to the inbox: deleted messages and blocked senders.
    InboxChanges      = ("inbox-changes",      120,    1, Target, Hits,         Open);
    /// Messages that a client sends to one inbox.
    InboxMessages     = ("inbox-messages",       5,    1, Client, Hits,         Open);
    /// Changes that a client makes to links: settings, and deletions of links, messages and cards.
    LinkChanges       = ("link-changes",        60,    1, Client, Hits,         Open);
    /// Messages that a client sends to one link.
    LinkMessages      = ("link-messages",        5,    1, Client, Hits,         Open);
    /// Wrong PINs on one link.
    LinkPins          = ("link-pins",         1000,  DAY, Target, FailuresADay, Closed);
    /// Links that a client creates.
    Links             = ("links",               10,   60, Client, Hits,         Open);
    /// Conversations that a user marks as delivered or seen.
    Marks             = ("marks",              120,    1, Target, Hits,         Open);
    /// Devices that are new to one account.
    NewDevices        = ("new-devices",         20,   60, Target, Hits,         Closed);
    /// Wrong passwords on one account, by its name or its address.
    Passwords         = ("passwords",           10,   15, Target, Failures,     Closed);
    /// Wrong passwords of a client on any account.
    PasswordsByClient = ("passwords-by-client", 10,   15, Client, Failures,     Closed);
    /// Wrong passwords on a trusted device of the account.
    PasswordsOnDevice = ("passwords-on-device", 10,   15, Target, Failures,     Closed);
    /// Wrong PINs of a client on one link.
    Pins              = ("pins",                10,   15, Client, Failures,     Closed);
    /// Private messages that a user deletes.
    PrivateDeletions  = ("private-deletions",   60,    1, Target, Hits,         Open);
    /// Private messages that a user sends.
    PrivateMessages   = ("private-messages",    60,    1, Target, Hits,         Open);
    /// Wrong passwords of a signed-in user, asked for once more before a change.
    Proofs            = ("proofs",              10,   15, Target, Failures,     Closed);
    /// Messages in one place that a user is pushed.
    Pushes            = ("pushes",             120,   10, Target, Hits,         Open);
    /// Subscriptions to pushes that a user makes or deletes.
    PushSubscriptions = ("push-subscriptions", 120,    1, Target, Hits,         Open);
    /// Messages that a user reports.
    Reports           = ("reports",             20,   60, Target, Hits,         Open);
    /// Wrong codes for a new password of one address.
    ResetCodes        = ("reset-codes",         30,  DAY, Target, FailuresADay, Closed);
    /// Sessions and devices that a user ends.
    Sessions          = ("sessions",            60,    1, Target, Hits,         Open);
    /// Settings that a user changes.
    Settings          = ("settings",            60,    1, Target, Hits,         Open);
    /// Wrong codes of sign-ups with one address.
    SignUpCodes       = ("sign-up-codes",       30,  DAY, Target, FailuresADay, Closed);
    /// Accounts that a client makes.
    SignUps           = ("sign-ups",            30,   60, Client, Hits,         Open);
    /// Unsubscriptions by the link of one user's mails.
    Unsubscriptions   = ("unsubscriptions",     20,    1, Target, Hits,         Open);
    /// Uploads that a user announces.
    Uploads           = ("uploads",            120,    1, Target, Hits,         Open);
    /// Users whom a user blocks or unblocks.
    UserBlocks        = ("user-blocks",         60,    1, Target, Hits,         Open);
    /// Usernames that a client asks about.
    Usernames         = ("usernames",           60,    1, Client, Hits,         Open);
}

impl Limit {
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
