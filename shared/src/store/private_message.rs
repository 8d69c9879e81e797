//! Private messages: one message is one item of its conversation.

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use serde::{Deserialize, Serialize};

use super::{
    Outcome, Page, Participant, Store, StoreError, TransactItem, from_item,
    keys::{AFTER_MESSAGES, Key, private_message_sort, private_messages, taken_back, taken_back_sort},
    number, text,
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

    /// Removes the content and media of a message. The empty message stays. From then on its objects are no message's. If
    /// `reader` has not seen the message, it is not unread any more. Nothing happens to a message that was deleted before.
    pub async fn delete_private_message(
        &self,
        message: PrivateMessage,
        reader: UserId,
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
        let unseen = [steps.clone(), self.unsee_items(&message, reader)].concat();
        let left =
            PrivateMessage { is_deleted: true, content: String::new(), media: Vec::new(), updated_at, ..message };
        let mut outcome = self.transact(unseen).await?;
        if let Outcome::Refused(refused) = &outcome
            && !refused.first().is_some_and(|message| message.failed)
        {
            // The reader has seen it, or has no account any more.
            outcome = self.transact(steps).await?;
        }
        match outcome {
            Outcome::Done => Ok(left),
            // It was deleted meanwhile; or it has gone, with its conversation.
            Outcome::Refused(refused) => {
                let found = refused.into_iter().next().and_then(|step| step.item);
                found.map_or(Ok(left), from_item)
            }
        }
    }

    /// The writes that take an unseen message out of its reader's unread count. They fail if it has been seen.
    fn unsee_items(&self, message: &PrivateMessage, reader: UserId) -> Vec<TransactItem> {
        let PrivateMessage { conversation, id, .. } = *message;
        let count = self.transact_update(
            Key::participant(reader, conversation),
            "ADD taken_back :one",
            "attribute_exists(last_id) AND (attribute_not_exists(seen_upto) OR seen_upto < :id)",
            [(":one", number(1)), (":id", text(id))],
        );
        vec![count, self.transact_put(Key::taken_back(conversation, reader, id).into_item(), None, [])]
    }

    /// How many messages behind `message` were taken back before `reader` saw them. `own` is the reader's side as last read.
    pub(super) async fn taken_back_after(
        &self,
        reader: UserId,
        own: &Participant,
        message: PrivateMessageId,
    ) -> Result<u64, StoreError> {
        if own.taken_back == 0 || own.last_id.is_none_or(|last| last <= message) {
            return Ok(0);
        }
        let mut count = 0;
        let mut after = taken_back_sort(reader, message);
        loop {
            let page = self.query(private_messages(own.conversation), |query| {
                query
                    .key_condition_expression("pk = :pk AND sk BETWEEN :after AND :end")
                    // BETWEEN includes its ends. With a blank, the key itself is left out, and everything behind it is not.
                    .expression_attribute_values(":after", text(format!("{after} ")))
                    .expression_attribute_values(":end", text(format!("{}~", taken_back(reader))))
                    .select(Select::Count)
            });
            let page = page.await?;
            count += u64::try_from(page.count).unwrap_or_default();
            match page.last_evaluated_key.and_then(|mut key| key.remove("sk")) {
                Some(AttributeValue::S(last)) => after = last,
                _ => return Ok(count),
            }
        }
    }
}
