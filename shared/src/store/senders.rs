//! How a recipient blocks an anonymous sender. For each recipient and each period of 30 days, a sender has a name: a hash under
//! the period's key. Names of different recipients or periods are unrelated. A message carries two names, of its own period and
//! the next, sealed under the key of its own. A block is an item under the name that is current when the block is made.
//!
//! Each period's key is random and stored in the table, sealed under the deployment's secret. Neither the table nor the secret
//! alone opens a name. The key is deleted after its last use. After that nobody can find out who sent the messages of its period.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    InboxMessage, Outcome, Store, StoreError, from_item,
    keys::{Key, SENDER_KEYS, sender_key_sort},
    to_item,
};
use crate::{
    client::Client,
    tokens::{Purpose, Tokens, random},
    types::{InboxMessageId, Timestamp, Username},
};

/// Days that one key is the current one.
const PERIOD: i64 = 30;
/// How often the keys are read again because others made them at the same time.
const TRIES: usize = 4;

type PeriodKey = [u8; 32];

/// The keys that are alive: of the last period, of this one, and of the next.
pub struct SenderKeys {
    period: i64,
    keys: [PeriodKey; 3],
}

#[derive(Serialize, Deserialize)]
struct Kept {
    period: i64,
    sealed_key: String,
    ttl: i64,
}

/// The names of one sender under one recipient, of the last period, this one and the next.
pub struct Sender {
    names: [String; 3],
}

/// The content of a message's seal.
pub struct Unsealed {
    /// The sender's name in the current period.
    pub name: String,
    /// When that name expires.
    pub ends_at: Timestamp,
}

fn period(at: Timestamp) -> i64 {
    at.day().div_euclid(PERIOD)
}

/// When the key of a period is no longer needed.
fn end_of_key(period: i64) -> Timestamp {
    Timestamp::day_start((period + 2) * PERIOD)
}

impl SenderKeys {
    /// Whether these are the keys for `now`.
    pub fn are_of(&self, now: Timestamp) -> bool {
        self.period == period(now)
    }

    pub fn sender(&self, tokens: &Tokens, recipient: &Username, client: Client) -> Sender {
        let recipient = recipient.lower_case();
        let name = |key: &PeriodKey| {
            let parts: [&[u8]; 3] = [key, recipient.as_bytes(), client.as_bytes()];
            hex::encode(&tokens.keyed_hash(Purpose::Sender, &parts)[..16])
        };
        Sender { names: [name(&self.keys[0]), name(&self.keys[1]), name(&self.keys[2])] }
    }

    /// The seal of the sender's names for the message `id`.
    pub fn seal(&self, tokens: &Tokens, sender: &Sender, id: InboxMessageId) -> String {
        let [_, current, next] = &sender.names;
        tokens.seal(Purpose::Sender, &[&self.keys[1], id.as_bytes()], &format!("{current} {next}"))
    }

    /// Opens a message's seal; `None` once the key of its period is gone.
    pub fn open(&self, tokens: &Tokens, message: &InboxMessage) -> Option<Unsealed> {
        let place = match self.period - period(message.id.made_at()) {
            0 => 1,
            1 => 0,
            _ => return None,
        };
        let names =
            tokens.open(Purpose::Sender, &[&self.keys[place], message.id.as_bytes()], &message.sealed_sender)?;
        let (own, next) = names.split_once(' ')?;
        let name = if place == 1 { own } else { next }.to_owned();
        Some(Unsealed { name, ends_at: end_of_key(self.period) })
    }
}

impl Sender {
    /// The names under which a block that still holds can have been made: of the last period and of this one.
    pub(super) fn shunned_as(&self) -> [&str; 2] {
        [&self.names[0], &self.names[1]]
    }
}

impl Store {
    /// The keys for `now`. Missing ones are made.
    pub async fn sender_keys(&self, tokens: &Tokens, now: Timestamp) -> Result<SenderKeys, StoreError> {
        let period = period(now);
        for _ in 0..TRIES {
            let found = self.read_sender_keys(tokens, period).await?;
            if let [Some(last), Some(current), Some(next)] = found {
                return Ok(SenderKeys { period, keys: [last, current, next] });
            }
            let absent = (period - 1..).zip(found).filter(|(_, key)| key.is_none()).map(|(period, _)| period);
            let steps = absent.map(|period| {
                let kept = Kept {
                    period,
                    sealed_key: seal_key(tokens, period, &hex::encode(random::<32>())),
                    ttl: end_of_key(period).seconds(),
                };
                Ok(self.transact_put(to_item(Key::sender_key(period), &kept)?, Some("attribute_not_exists(pk)"), []))
            });
            let (Outcome::Done | Outcome::Refused(_)) =
                self.transact(steps.collect::<Result<_, StoreError>>()?).await?;
        }
        Err(StoreError::Unexpected("the keys of senders could not be made"))
    }

    async fn read_sender_keys(&self, tokens: &Tokens, period: i64) -> Result<[Option<PeriodKey>; 3], StoreError> {
        let range = |n| AttributeValue::S(sender_key_sort(period + n));
        let page = self.query(SENDER_KEYS.to_owned(), |query| {
            query
                .key_condition_expression("pk = :pk AND sk BETWEEN :last AND :next")
                .expression_attribute_values(":last", range(-1))
                .expression_attribute_values(":next", range(1))
        });
        let mut keys = [None; 3];
        for item in page.await?.items.unwrap_or_default() {
            let kept: Kept = from_item(item)?;
            let key =
                open_key(tokens, &kept).ok_or_else(|| StoreError::Unexpected("a key of senders can't be opened"))?;
            if let Some(place) = usize::try_from(kept.period - period + 1).ok().and_then(|place| keys.get_mut(place)) {
                *place = Some(key);
            }
        }
        Ok(keys)
    }
}

fn seal_key(tokens: &Tokens, period: i64, key: &str) -> String {
    tokens.seal(Purpose::Sender, &[b"key", &period.to_be_bytes()], key)
}

fn open_key(tokens: &Tokens, kept: &Kept) -> Option<PeriodKey> {
    let key = tokens.open(Purpose::Sender, &[b"key", &kept.period.to_be_bytes()], &kept.sealed_key)?;
    let mut bytes = PeriodKey::default();
    hex::decode_to_slice(key, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{InboxText, Parse};

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn tokens() -> Tokens {
        Tokens::new("a secret key of a test, long enough for it")
    }

    /// The keys of a period: the key of each is always the same here.
    fn keys(period: i64) -> SenderKeys {
        SenderKeys { period, keys: [period - 1, period, period + 1].map(|period| [period as u8; 32]) }
    }

    fn sender(keys: &SenderKeys, recipient: &str, address: &str) -> Sender {
        keys.sender(&tokens(), &Username::parse(recipient).unwrap(), Client::from_source_ip(address))
    }

    fn message(keys: &SenderKeys, at: Timestamp) -> InboxMessage {
        let id = InboxMessageId::new(at, [7; 6]);
        let sealed_sender = keys.seal(&tokens(), &sender(keys, "ann", "192.0.2.1"), id);
        InboxMessage { id, content: InboxText::parse("0123456789").unwrap(), sealed_sender }
    }

    #[test]
    fn a_sender_has_unrelated_names_under_two_recipients() {
        let keys = keys(10);
        assert_eq!(sender(&keys, "ann", "192.0.2.1").names, sender(&keys, "Ann", "192.0.2.1").names);
        assert_ne!(sender(&keys, "ann", "192.0.2.1").names[1], sender(&keys, "bob", "192.0.2.1").names[1]);
        assert_ne!(sender(&keys, "ann", "192.0.2.1").names[1], sender(&keys, "ann", "192.0.2.2").names[1]);
    }

    #[test]
    fn a_block_holds_from_30_to_60_days_whenever_in_its_time_it_is_made() {
        let sent = Timestamp::from_millis(10 * PERIOD * DAY + 12 * DAY);
        let message = message(&keys(10), sent);
        for made_in in [10, 11] {
            let unsealed = keys(made_in).open(&tokens(), &message).unwrap();
            assert_eq!(unsealed.ends_at, Timestamp::day_start((made_in + 2) * PERIOD));
            for later in [made_in, made_in + 1] {
                assert!(sender(&keys(later), "ann", "192.0.2.1").shunned_as().contains(&unsealed.name.as_str()));
            }
        }
        assert!(keys(12).open(&tokens(), &message).is_none());
    }

    #[test]
    fn a_seal_is_never_the_same_and_opens_on_its_own_message_only() {
        let keys = keys(10);
        let at = Timestamp::from_millis(10 * PERIOD * DAY);
        let (one, two) = (message(&keys, at), message(&keys, at));
        assert_ne!(one.sealed_sender, two.sealed_sender);
        let moved = InboxMessage { id: InboxMessageId::new(at, [8; 6]), ..one };
        assert!(keys.open(&tokens(), &moved).is_none());
        assert!(keys.open(&Tokens::new("another secret"), &two).is_none());
    }
}
