//! The end of a link: closed first, so that it is gone for everyone, then emptied in bounded steps, then forgotten. Only its slug stays
//! reserved for a while. Each step can be repeated, so a deletion that was interrupted goes on where it stopped.

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, ReturnConsumedCapacity, WriteRequest};
use futures_util::future::try_join_all;

use super::{
    Collisions, Item, Store, StoreError,
    keys::{Key, LINK_SHARDS, MEMBERSHIPS, SIDES, link_shard},
    link::{Link, ReservedSlug},
    text,
};
use crate::types::{LinkId, Timestamp};

/// The most items that one BatchWriteItem takes.
const BATCH: usize = 25;
/// Messages of each shard that one step removes.
const SHARD_STEP: i32 = 100;

impl Store {
    /// Closes the link. Once this returns, it is gone for everyone but its owner, who may repeat the deletion.
    pub async fn close_link(&self, link: &Link) -> Result<(), StoreError> {
        self.update(Key::link(&link.slug), |update| {
            update
                .update_expression("SET deleting = :true")
                .condition_expression("id = :id")
                .expression_attribute_values(":id", text(link.id))
                .expression_attribute_values(":true", AttributeValue::Bool(true))
        })
        .await
        .map(drop)
    }

    /// Removes some messages of a link; `false` when there are none left.
    pub async fn remove_messages(&self, link: LinkId) -> Result<bool, StoreError> {
        self.remove_some((0..LINK_SHARDS).map(|shard| link_shard(link, shard)).collect(), SHARD_STEP).await
    }

    /// Nothing stays of the link but its slug, reserved for whoever deleted it: strangers must not get what is written to an old address.
    pub async fn forget_link(&self, link: &Link, now: Timestamp) -> Result<(), StoreError> {
        // Where the condition fails, another request has finished the same deletion.
        self.put_if(ReservedSlug::of(link, now).item(&link.slug)?, |put| {
            put.condition_expression("id = :id").expression_attribute_values(":id", text(link.id))
        })
        .await
    }

    /// Removes up to `step` items of each of `partitions`; `false` when there are none left. A user's participant
    /// items and memberships stay, as they have to be left first (accounts/erasure.rs).
    pub(super) async fn remove_some(&self, partitions: Vec<String>, step: i32) -> Result<bool, StoreError> {
        let pages = try_join_all(partitions.into_iter().map(|partition| {
            self.query(partition, |query| {
                query.key_condition_expression("pk = :pk").projection_expression("pk, sk").limit(step)
            })
        }))
        .await?;
        let to_leave = |sk: &String| sk.starts_with(SIDES) || sk.starts_with(MEMBERSHIPS);
        let is_left = |key: &Item| !key.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(to_leave);
        let keys = pages.into_iter().flat_map(|page| page.items.unwrap_or_default()).filter(is_left);
        let keys: Vec<Item> = keys.collect();
        try_join_all(keys.chunks(BATCH).map(|keys| self.remove_batch(keys.to_vec()))).await?;
        Ok(!keys.is_empty())
    }

    async fn remove_batch(&self, keys: Vec<Item>) -> Result<(), StoreError> {
        let delete = |key| DeleteRequest::builder().set_key(Some(key)).build().expect("a delete request with a key");
        let mut left: Vec<WriteRequest> =
            keys.into_iter().map(|key| WriteRequest::builder().delete_request(delete(key)).build()).collect();
        let mut collisions = Collisions::default();
        loop {
            let call = self
                .client
                .batch_write_item()
                .request_items(&self.table, left)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let output = self
                .stats
                .call(&["dynamodb:BatchWriteItem"], call.send())
                .await
                .map_err(|error| StoreError::call("BatchWriteItem", error))?;
            output.consumed_capacity().iter().for_each(|consumed| self.spend_write(Some(consumed)));
            left = output.unprocessed_items.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            if !collisions.pause().await {
                return Err(StoreError::Busy("BatchWriteItem: the table takes no more for now"));
            }
        }
    }
}
