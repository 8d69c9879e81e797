//! Every key of the table, made of typed ids here and nowhere else.
//!
//! | access pattern | pk | sk | by |
//! | --- | --- | --- | --- |
//! | a link by its slug | `LINK#<slug>` | `LINK` | GetItem |
//! | a message of a link | `LINK#<link id>#<shard>` | `MSG#<message id>` | GetItem |
//! | messages of a link, newest first | `LINK#<link id>#<shard>`, every shard | descending | Query |
//! | hits of one client, user or target on one limit | `LIMIT#<limit>#<keyed hash>` | `LIMIT` | UpdateItem |
//! | a user | `USER#<id>` | `PROFILE` | GetItem |
//! | a device of a user, with its session | `USER#<id>` | `DEVICE#<id>` | GetItem |
//! | devices of a user | `USER#<id>` | `DEVICE#...` ascending | Query |
//! | who has a username, and whether they take messages | `USERNAME#<lower case>` | `CLAIM` | GetItem |
//! | who has an e-mail address | `EMAIL#<keyed hash>` | `CLAIM` | GetItem |
//! | whether an address has a deleted account whose name is reserved | `EMAIL#<keyed hash>` | `NAME` | GetItem |
//! | a one-time code | `OTP#<purpose>#<keyed hash or device>` | `OTP` | UpdateItem |
//! | a message of an inbox | `INBOX#<user>` | `MSG#<message id>` | GetItem |
//! | messages of an inbox, newest first | `INBOX#<user>` | descending | Query |
//! | messages that were reported in a month | gsi1: `REPORT#<year>-<month>` | gsi1: time and message id | Query |
//! | whether a recipient blocked a sender | `BLOCKEDSENDER#<recipient's name in lower case>` | `<keyed hash>` | GetItem |
//! | the keys of those hashes, sealed | `SENDERKEYS` | `KEY#<period>` | Query |
//! | what a blocked sender's message becomes | `DISCARDED#<random>` | `MSG#<message id>` | PutItem |
//! | one side of a conversation | `USER#<id>` | `CONV#<conversation>` | GetItem |
//! | sides of a user, to be erased | `USER#<id>` | `CONV#...` ascending | Query |
//! | conversations of a user, newest activity first | gsi1: `CONVS#<user>` | gsi1: the last message's id, descending | Query |
//! | a private message | `CONV#<conversation>` | `MSG#<message id>` | GetItem |
//! | messages of a conversation, newest first | `CONV#<conversation>` | descending | Query |
//! | messages that were taken back before a reader saw them | `CONV#<conversation>` | `TAKENBACK#<reader>#<message id>` ascending | Query |
//! | whom a user blocked, and when | `USER#<id>` | `BLOCK#<user>` ascending | Query |
//! | a community | `COMMUNITY#<id>` | `META` | GetItem |
//! | a member of a community, also a former one | `COMMUNITY#<id>` | `MEMBER#<user>` | GetItem |
//! | members of a community, in the order of their sign-ups | `COMMUNITY#<id>` | `MEMBER#...` ascending | Query |
//! | communities of a user, to be left or closed | `USER#<id>` | `COMMUNITY#<community>` ascending | Query |
//! | how far a member's conversation has come | `COMMUNITY#<id>#CONV#<tag>` | `HEAD` | GetItem |
//! | a message of it, by its number | `COMMUNITY#<id>#CONV#<tag>` | `MSG#<12 digits>` | GetItem |
//! | messages of it, by their numbers | `COMMUNITY#<id>#CONV#<tag>` | `MSG#...` ascending | Query |
//! | conversations of a community, newest activity first | gsi1: `COMMUNITY#<id>#CONVS` | gsi1: the last message's id, descending | Query |
//! | how many those are | `COMMUNITY#<id>` | `COUNT#<0-7>` | Query |
//! | how a user wants to be told of messages, and how many push subscriptions there are | `USER#<id>` | `PREFERENCES` | GetItem |
//! | a push subscription of a user | `USER#<id>` | `PUSH#<keyed hash of its endpoint>` | GetItem |
//! | push subscriptions of a user | `USER#<id>` | `PUSH#...` ascending | Query |
//! | the user to whom an endpoint of a browser belongs | `PUSHENDPOINT#<keyed hash of the endpoint>` | `OWNER` | GetItem |
//! | what a user was mailed of a conversation | `NOTIFICATION#<user>` | `<conversation>` | GetItem |
//! | whether a message was pushed | `NOTIFICATION#<user>` | `<conversation>#PUSH#<message id>` | GetItem |
//! | which task waits until a subscription takes pushes again | `NOTIFICATION#<user>` | `<conversation>#WAITS#<subscription>` | GetItem |
//! | objects that are no message's | `ORPHANEDMEDIA#<conversation>` | `<set of objects>` | stream |
//! | an account whose remains are being erased | `ERASE#<user>` | username in lower case | stream |
//! | an account that an operator wants to be closed | `CLOSE#<user>` | username in lower case | stream |
//! | the answer to a repeated request | `IDEM#<endpoint>#<keyed hash>` | `IDEM` | GetItem |
//!
//! A slug can't be mistaken for a link id with its shard: a slug has no `#`.

mod communities;

use aws_sdk_dynamodb::types::AttributeValue;

pub use communities::{
    COUNTS, MEMBERS, MEMBERSHIPS, activity, community_conversations, community_message_sort, community_messages,
    community_partition, member_sort,
};

use super::{Item, text};
use crate::{
    tokens::EmailHash,
    types::{
        ConversationId, DeviceId, InboxMessageId, LinkId, LinkMessageId, PrivateMessageId, PushSubscriptionId, Slug,
        UserId, Username,
    },
};

/// Partitions that the messages of one link are spread over. DynamoDB takes about 1,000 writes a second on one partition
/// key, and a transaction counts twice: eight of them take 4,000 messages a second to a single link.
pub const LINK_SHARDS: u8 = 8;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
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

    pub fn partition(&self) -> &str {
        &self.pk
    }

    pub fn limit(limit: &str, client: &str) -> Self {
        Self { pk: format!("LIMIT#{limit}#{client}"), sk: "LIMIT".to_owned() }
    }

    pub fn idempotency(endpoint: &str, key_hash: &str) -> Self {
        Self { pk: format!("IDEM#{endpoint}#{key_hash}"), sk: "IDEM".to_owned() }
    }

    pub fn user(user: UserId) -> Self {
        Self { pk: user_partition(user), sk: "PROFILE".to_owned() }
    }

    pub fn device(user: UserId, device: DeviceId) -> Self {
        Self { pk: user_partition(user), sk: device_sort(device) }
    }

    pub fn username(username: &Username) -> Self {
        Self::claimed(&username.lower_case())
    }

    /// Of a username in lower case.
    pub fn claimed(username: &str) -> Self {
        Self { pk: format!("USERNAME#{username}"), sk: "CLAIM".to_owned() }
    }

    pub fn email(email: &EmailHash) -> Self {
        Self { pk: format!("EMAIL#{}", email.as_str()), sk: "CLAIM".to_owned() }
    }

    pub fn reserved_name(email: &EmailHash) -> Self {
        Self { pk: format!("EMAIL#{}", email.as_str()), sk: "NAME".to_owned() }
    }

    pub fn code(purpose: &str, subject: &str) -> Self {
        Self { pk: format!("OTP#{purpose}#{subject}"), sk: "OTP".to_owned() }
    }

    pub fn inbox_message(user: UserId, message: InboxMessageId) -> Self {
        Self { pk: inbox(user), sk: inbox_message_sort(message) }
    }

    pub fn block_sender(recipient: &Username, sender: &str) -> Self {
        Self { pk: blocked_senders(&recipient.lower_case()), sk: sender.to_owned() }
    }

    pub fn sender_key(period: i64) -> Self {
        Self { pk: SENDER_KEYS.to_owned(), sk: sender_key_sort(period) }
    }

    /// The key of a discarded message. It is as long as an inbox message's key, and does not tell the recipient.
    pub fn discarded(number: [u8; 12], message: InboxMessageId) -> Self {
        Self { pk: format!("DISCARDED#{}", hex::encode(number)), sk: inbox_message_sort(message) }
    }

    pub fn participant(user: UserId, conversation: ConversationId) -> Self {
        Self { pk: user_partition(user), sk: format!("{SIDES}{conversation}") }
    }

    pub fn private_message(conversation: ConversationId, message: PrivateMessageId) -> Self {
        Self { pk: private_messages(conversation), sk: private_message_sort(message) }
    }

    pub fn taken_back(conversation: ConversationId, reader: UserId, message: PrivateMessageId) -> Self {
        Self { pk: private_messages(conversation), sk: taken_back_sort(reader, message) }
    }

    pub fn block(user: UserId, blocked: UserId) -> Self {
        Self { pk: user_partition(user), sk: block_sort(blocked) }
    }

    pub fn preferences(user: UserId) -> Self {
        Self { pk: user_partition(user), sk: "PREFERENCES".to_owned() }
    }

    pub fn push_subscription(user: UserId, id: PushSubscriptionId) -> Self {
        Self { pk: user_partition(user), sk: format!("{PUSHES}{id}") }
    }

    /// Names the user to whom the endpoint of this subscription belongs.
    pub fn push_endpoint(id: PushSubscriptionId) -> Self {
        Self { pk: format!("PUSHENDPOINT#{id}"), sk: "OWNER".to_owned() }
    }

    pub fn notification_state(user: UserId, place: &str) -> Self {
        Self { pk: notification_states(user), sk: place.to_owned() }
    }

    /// Both keys say what is to be swept: when TTL removes the item, the stream tells no more of it.
    pub fn sweep(conversation: ConversationId, set: &str) -> Self {
        Self { pk: format!("{ORPHANED_MEDIA}{conversation}"), sk: set.to_owned() }
    }

    /// Both keys say what is to be erased: when TTL removes the item, the stream tells no more of it.
    pub fn erasure(user: UserId, username: &str) -> Self {
        Self { pk: format!("{ERASURES}{user}"), sk: username.to_owned() }
    }

    /// Both keys say what is to be closed.
    pub fn closure(user: UserId, username: &str) -> Self {
        Self { pk: format!("{CLOSURES}{user}"), sk: username.to_owned() }
    }

    /// An item that a stream told of.
    pub fn of([pk, sk]: &[String; 2]) -> Self {
        Self { pk: pk.clone(), sk: sk.clone() }
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

pub fn user_partition(user: UserId) -> String {
    format!("USER#{user}")
}

pub fn device_sort(device: DeviceId) -> String {
    format!("{DEVICES}{device}")
}

/// Prefix of the sort keys of devices.
pub const DEVICES: &str = "DEVICE#";

pub fn inbox(user: UserId) -> String {
    format!("INBOX#{user}")
}

pub fn inbox_message_sort(message: InboxMessageId) -> String {
    format!("MSG#{message}")
}

/// Of a recipient's name in lower case.
pub fn blocked_senders(recipient: &str) -> String {
    format!("BLOCKEDSENDER#{recipient}")
}

/// Prefix of the sort keys of a user's participant items.
pub const SIDES: &str = "CONV#";

/// The index key of a user's conversations.
pub fn conversations(user: UserId) -> String {
    format!("CONVS#{user}")
}

pub fn private_messages(conversation: ConversationId) -> String {
    format!("CONV#{conversation}")
}

pub fn private_message_sort(message: PrivateMessageId) -> String {
    format!("MSG#{message}")
}

/// Sorts behind all messages of the conversation.
pub fn taken_back_sort(reader: UserId, message: PrivateMessageId) -> String {
    format!("{}{message}", taken_back(reader))
}

/// Prefix of the sort keys of messages that were taken back before `reader` saw them.
pub fn taken_back(reader: UserId) -> String {
    format!("TAKENBACK#{reader}#")
}

pub fn block_sort(blocked: UserId) -> String {
    format!("{BLOCKS}{blocked}")
}

/// Prefix of the sort keys of blocks.
pub const BLOCKS: &str = "BLOCK#";

/// Prefix of the sort keys of push subscriptions.
pub const PUSHES: &str = "PUSH#";

pub fn notification_states(user: UserId) -> String {
    format!("NOTIFICATION#{user}")
}

/// Prefix of the partitions of orphaned media.
pub const ORPHANED_MEDIA: &str = "ORPHANEDMEDIA#";

/// Prefix of the partitions of accounts that an operator wants to be closed.
pub const CLOSURES: &str = "CLOSE#";

/// Prefix of the partitions of erasures.
pub const ERASURES: &str = "ERASE#";

pub const SENDER_KEYS: &str = "SENDERKEYS";

pub fn sender_key_sort(period: i64) -> String {
    format!("KEY#{period:06}")
}

/// The index key of a report at `at`, an RFC 3339 time.
pub fn reports(at: &str) -> String {
    format!("REPORT#{}", at.get(..7).unwrap_or_default())
}

/// Sorts before every message of a partition.
pub const BEFORE_MESSAGES: &str = "MSG#";
/// Sorts behind every message of a partition.
pub const AFTER_MESSAGES: &str = "MSG$";
