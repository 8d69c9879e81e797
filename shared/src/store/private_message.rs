//! Private messages: one message is one item of its conversation.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    Outcome, Page, Store, StoreError, from_item,
    keys::{AFTER_MESSAGES, Key, private_message_sort, private_messages},
    text,
};
use crate::types::{
    AssetId, AssetSet, ConversationId, FileName, MediaKind, MessageKind, PageSize, PrivateMessageId, Timestamp, UserId,
};

#[derive(Clone, Serialize, Deserialize)]
pub struct PrivateMessage {
    /// Says when it was sent, too.
    pub id: PrivateMessageId,
    pub conversation: ConversationId,
    pub sender: UserId,
    pub kind: MessageKind,
    /// A [`crate::types::PrivateText`]; empty once it is deleted.
    pub content: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_deleted: bool,
    pub updated_at: Timestamp,
    /// Messages of its sender up to this one, and of the other one: what a mark there makes of the unread count.
    pub(super) by_sender: u64,
    pub(super) by_partner: u64,
}

/// An object in the bucket that is a message's.
#[derive(Clone, Serialize, Deserialize)]
pub struct Media {
    pub asset: AssetId,
    pub kind: MediaKind,
    /// In pixels, as shown; files have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    pub bytes: u64,
    /// As the sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<FileName>,
}

impl PrivateMessage {
    /// The objects of its media, if it has any.
    pub fn assets(&self) -> Option<AssetSet> {
        self.media.first().map(|media| media.asset.set())
    }

    /// How many messages `user` got up to this one.
    pub(super) fn count_for(&self, user: UserId) -> u64 {
        if user == self.sender { self.by_partner } else { self.by_sender }
    }
}

impl Store {
    pub async fn private_message(
        &self,
        conversation: ConversationId,
        id: PrivateMessageId,
    ) -> Result<Option<PrivateMessage>, StoreError> {
        self.get(Key::private_message(conversation, id)).await
    }

    /// The newest messages older than `before`, newest first.
    pub async fn private_messages(
        &self,
        conversation: ConversationId,
        before: Option<PrivateMessageId>,
        size: PageSize,
    ) -> Result<Page<PrivateMessage>, StoreError> {
        let before = before.map_or_else(|| AFTER_MESSAGES.to_owned(), private_message_sort);
        self.page_before(private_messages(conversation), before, size).await
    }

    /// Takes what a message says and shows away; what is left of it is that there was one. From then on its objects are no
    /// message's. Nothing happens to a message that was deleted before.
    pub async fn delete_private_message(
        &self,
        message: PrivateMessage,
        now: Timestamp,
    ) -> Result<PrivateMessage, StoreError> {
        if message.is_deleted {
            return Ok(message);
        }
        let updated_at = now.max(message.id.made_at());
        let mut steps = vec![self.transact_update(
            Key::private_message(message.conversation, message.id),
            "SET is_deleted = :true, content = :nothing, updated_at = :now REMOVE media",
            "attribute_exists(pk) AND attribute_not_exists(is_deleted)",
            [(":true", AttributeValue::Bool(true)), (":nothing", text("")), (":now", text(updated_at))],
        )];
        steps.extend(message.assets().map(|set| self.sweep_item(message.conversation, set, now)));
        let left =
            PrivateMessage { is_deleted: true, content: String::new(), media: Vec::new(), updated_at, ..message };
        match self.transact(steps).await? {
            Outcome::Done => Ok(left),
            // It was deleted meanwhile; or it has gone, with its conversation.
            Outcome::Refused(refused) => {
                let found = refused.into_iter().next().and_then(|step| step.item);
                found.map_or(Ok(left), from_item)
            }
        }
    }
}
