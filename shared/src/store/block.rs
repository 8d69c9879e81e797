//! Users that a user has blocked. A block is stored twice: as an item for the list, and as a flag on the blocker's participant.
//! Every send updates that participant in its transaction, so the flag makes the send fail.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;

use super::{
    Outcome, Page, Store, StoreError,
    keys::{BLOCKS, Key, block_sort, user_partition},
    text,
};
use crate::types::{ConversationId, PageSize, Timestamp, UserId};

#[derive(Deserialize)]
pub struct Block {
    pub blocked: UserId,
    pub blocked_at: Timestamp,
}

impl Store {
    /// Once this returns, neither of the two can write to the other. `false` when there is no such user.
    pub async fn block(
        &self,
        user: UserId,
        other: UserId,
        conversation: ConversationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let outcome = self
            .transact(vec![
                self.transact_check(Key::user(other), "attribute_exists(pk)"),
                self.transact_update(
                    Key::block(user, other),
                    "SET blocked = :other, blocked_at = if_not_exists(blocked_at, :now)",
                    "attribute_not_exists(pk) OR blocked = :other",
                    [(":other", text(other)), (":now", text(now))],
                ),
                self.transact_update(
                    Key::participant(user, conversation),
                    "SET blocks = :true, partner = :other, conversation = :conversation",
                    "attribute_not_exists(has_left)",
                    [
                        (":true", AttributeValue::Bool(true)),
                        (":other", text(other)),
                        (":conversation", text(conversation)),
                    ],
                ),
            ])
            .await?;
        Ok(matches!(outcome, Outcome::Done))
    }

    /// Takes a block back. Nothing happens when there is no block.
    pub async fn unblock(&self, user: UserId, other: UserId, conversation: ConversationId) -> Result<(), StoreError> {
        let steps = vec![
            self.transact_delete(Key::block(user, other), Some("attribute_exists(pk)")),
            self.transact_update(Key::participant(user, conversation), "REMOVE blocks", "attribute_exists(blocks)", []),
        ];
        self.transact(steps).await.map(drop)
    }

    /// The users whom a user has blocked, behind `after`, in the order of their sign-ups.
    pub async fn blocks(&self, user: UserId, after: Option<UserId>, size: PageSize) -> Result<Page<Block>, StoreError> {
        self.page_after(user_partition(user), BLOCKS, after.map(block_sort), size).await
    }
}
