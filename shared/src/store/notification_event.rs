//! What somebody is to be told of: that something was written to them, by whom if that is no secret, and where. Never what.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Store, StoreError, StreamRecord, keys::Key, stream::Keys};
use crate::types::{CommunityId, ConversationId, Parse, Timestamp, UserId};

/// A message that has just been stored, as its recipient is told of it.
#[derive(Clone, Serialize, Deserialize)]
pub struct NotificationEvent {
    pub to: UserId,
    pub place: Place,
    /// The message's id. Within one place, later ones sort behind earlier ones.
    pub message: String,
    /// Where the message is: its keys in the table.
    pub(super) at: [String; 2],
}

/// The place of a message. An anonymous message has a place, but no sender.
#[derive(Clone, Serialize, Deserialize)]
pub enum Place {
    Inbox,
    /// A link of the recipient's, by its slug.
    Link(String),
    Private {
        conversation: ConversationId,
        from: UserId,
    },
    Community {
        community: CommunityId,
        from: UserId,
    },
}

impl NotificationEvent {
    /// The event of a record. An error is permanent: such a record can never be read.
    pub fn of(record: &StreamRecord) -> Result<Self, StoreError> {
        Self::read(record).ok_or_else(|| StoreError::Unexpected("a message of the stream can't be read"))
    }

    fn read(record: &StreamRecord) -> Option<Self> {
        let Keys { pk, sk } = record.keys();
        let (pk, sk) = (pk.text.as_str(), sk.text.as_str());
        let (family, rest) = pk.split_once('#')?;
        let user = |name: &str| UserId::parse(record.text(name)?).ok();
        let (to, place) = match family {
            "INBOX" => (UserId::parse(rest).ok()?, Place::Inbox),
            "LINK" => (user("owner")?, Place::Link(record.text("slug")?.to_owned())),
            "CONV" => {
                let conversation = ConversationId::parse(rest).ok()?;
                (user("recipient")?, Place::Private { conversation, from: user("sender")? })
            }
            "COMMUNITY" => {
                let community = CommunityId::parse(record.text("community")?).ok()?;
                (user("recipient")?, Place::Community { community, from: user("sender")? })
            }
            _ => return None,
        };
        Some(Self { to, place, message: record.text("id")?.to_owned(), at: [pk, sk].map(str::to_owned) })
    }

    /// Another message in the same place.
    pub(super) fn with_message(&self, message: String, at: [String; 2]) -> Self {
        Self { message, at, ..self.clone() }
    }

    /// What people are told of an event that nothing could be done with: where the message is, never what it says.
    pub fn given_up(&self, why: &StoreError) -> Value {
        let [pk, sk] = &self.at;
        json!({ "pk": pk, "sk": sk, "reason": why.to_string() })
    }

    /// When it was written: what the ids of messages of all families begin with. `None` of what is no id.
    pub fn written_at(&self) -> Option<Timestamp> {
        let digits: String = self.message.chars().filter(|c| *c != '-').take(12).collect();
        i64::from_str_radix(&digits, 16).ok().map(Timestamp::from_millis)
    }
}

impl Store {
    /// Whether the message is still there to be read: of one that was taken back or deleted meanwhile nobody is told.
    pub async fn is_to_be_read(&self, event: &NotificationEvent) -> Result<bool, StoreError> {
        let item = self.get_item(Key::of(&event.at)).await?;
        Ok(item.is_some_and(|item| !matches!(item.get("is_deleted"), Some(AttributeValue::Bool(true)))))
    }
}

impl Place {
    /// Names the conversation among all of its recipient's: what one mail at a time is about.
    pub fn name(&self) -> String {
        match self {
            Self::Inbox => "INBOX".to_owned(),
            Self::Link(slug) => format!("LINK#{slug}"),
            Self::Private { conversation, .. } => format!("CONV#{conversation}"),
            Self::Community { community, from } => format!("COMMUNITY#{community}#{from}"),
        }
    }
}
