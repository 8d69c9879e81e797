//! Every key of the table, made of typed ids here and nowhere else.
//!
//! | access pattern | pk | sk | by |
//! | --- | --- | --- | --- |
//! | a link by its slug | `LINK#<slug>` | `LINK` | GetItem |
//! | a message of a link | `LINK#<link id>#<shard>` | `MSG#<message id>` | GetItem |
//! | messages of a link, newest first | `LINK#<link id>#<shard>`, every shard | descending | Query |
//! | hits of one client on one limit | `LIMIT#<limit>#<keyed hash>` | `LIMIT` | GetItem |
//! | the answer to a repeated request | `IDEM#<endpoint>#<keyed hash>` | `IDEM` | GetItem |
//!
//! A slug can't be mistaken for a link id with its shard: a slug has no `#`.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Item, text};
use crate::types::{LinkId, LinkMessageId, Slug};

/// Partitions that the messages of one link are spread over. DynamoDB takes about 1,000 writes a second on one partition
/// key, and a transaction counts twice: eight of them take 4,000 messages a second to a single link.
pub const LINK_SHARDS: u8 = 8;

pub struct Key {
    pk: String,
    sk: String,
}

impl Key {
    pub fn link(slug: &Slug) -> Self {
        Self { pk: format!("LINK#{}", slug.as_str()), sk: "LINK".to_owned() }
    }

    pub fn link_message(link: LinkId, message: LinkMessageId) -> Self {
        // The last byte of a UUIDv7 is random.
        let shard = message.as_bytes()[15] % LINK_SHARDS;
        Self { pk: link_shard(link, shard), sk: link_message_sort(message) }
    }

    pub fn limit(limit: &str, client: &str) -> Self {
        Self { pk: format!("LIMIT#{limit}#{client}"), sk: "LIMIT".to_owned() }
    }

    pub fn once(endpoint: &str, key_hash: &str) -> Self {
        Self { pk: format!("IDEM#{endpoint}#{key_hash}"), sk: "IDEM".to_owned() }
    }

    /// Names no item.
    pub fn prime() -> Self {
        Self { pk: "PRIME".to_owned(), sk: "PRIME".to_owned() }
    }

    pub fn into_item(self) -> Item {
        Item::from([("pk".to_owned(), AttributeValue::S(self.pk)), ("sk".to_owned(), text(self.sk))])
    }
}

pub fn link_shard(link: LinkId, shard: u8) -> String {
    format!("LINK#{link}#{shard}")
}

pub fn link_message_sort(message: LinkMessageId) -> String {
    format!("MSG#{message}")
}

/// Sorts before every message of a shard.
pub const BEFORE_MESSAGES: &str = "MSG#";
/// Sorts behind every message of a shard.
pub const AFTER_MESSAGES: &str = "MSG$";
