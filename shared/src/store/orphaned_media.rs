//! Objects in the bucket that are no message's: not yet, or no longer. An item says so from before the first of them is there,
//! until a message takes them over in its own transaction. Whoever made them and failed removes them; where that fails too, or
//! the function dies, the item's end by TTL wakes the worker `clean-up`, which does.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Item, Store, StoreError, StreamRecord, TransactItem,
    keys::{Key, ORPHANED_MEDIA},
    number,
};
use crate::types::{AssetSet, ConversationId, Parse, Timestamp};

/// Longer than any function takes.
const SWEPT_AFTER: Duration = Duration::from_secs(60 * 60);

/// Objects that are to go.
pub struct OrphanedMedia {
    pub conversation: ConversationId,
    pub set: AssetSet,
}

impl OrphanedMedia {
    /// The objects to remove, if this record is the end of an item of orphaned media.
    pub fn of(record: &StreamRecord) -> Option<Self> {
        let keys = record.keys();
        let conversation = ConversationId::parse(keys.pk.text.strip_prefix(ORPHANED_MEDIA)?).ok()?;
        Some(Self { conversation, set: AssetSet::parse(&keys.sk.text).ok()? })
    }
}

fn item(conversation: ConversationId, set: AssetSet, now: Timestamp) -> Item {
    let mut item = Key::sweep(conversation, &set.to_string()).into_item();
    item.insert("ttl".to_owned(), number(now.after(SWEPT_AFTER).seconds()));
    item
}

impl Store {
    /// From here on whatever there is of these objects goes, unless a message takes them over. A transaction: a try of it that
    /// comes late, after the message, does nothing.
    pub async fn reserve_assets(
        &self,
        conversation: ConversationId,
        set: AssetSet,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(vec![self.sweep_item(conversation, set, now)]).await.map(drop)
    }

    /// No message takes the objects over any more; `false` when one has.
    pub async fn abandon_assets(&self, conversation: ConversationId, set: AssetSet) -> Result<bool, StoreError> {
        let given_up = self.update(Key::sweep(conversation, &set.to_string()), |update| {
            update
                .update_expression("SET given_up = :true")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":true", AttributeValue::Bool(true))
        });
        Ok(given_up.await?.is_done())
    }

    /// The objects are gone.
    pub async fn release_assets(&self, conversation: ConversationId, set: AssetSet) -> Result<(), StoreError> {
        self.delete(Key::sweep(conversation, &set.to_string()), |delete| delete).await
    }

    /// The write with which a message takes its objects over.
    pub(super) fn take_over_item(&self, conversation: ConversationId, set: AssetSet) -> TransactItem {
        let condition = "attribute_exists(pk) AND attribute_not_exists(given_up)";
        self.transact_delete(Key::sweep(conversation, &set.to_string()), Some(condition))
    }

    /// The write with which a message lets go of its objects.
    pub(super) fn sweep_item(&self, conversation: ConversationId, set: AssetSet, now: Timestamp) -> TransactItem {
        self.transact_put(item(conversation, set, now), None, [])
    }
}
