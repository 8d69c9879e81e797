//! The end of a link: closed first, so that it is gone for everyone, then emptied in bounded steps, then forgotten. Each step
//! can be repeated, so a deletion that was interrupted goes on where it stopped.

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use futures_util::future::try_join_all;
use serde::Deserialize;

use super::{
    Item, Store, StoreError, describe, from_item,
    keys::{Key, LINK_SHARDS, link_shard},
    link::Link,
    pause, text,
};
use crate::types::{LinkId, LinkMessageId};

/// Items that one BatchWriteItem takes at most.
const BATCH: usize = 25;
/// Messages of each shard that one step removes.
const SHARD_STEP: i32 = 100;
const TRIES: u32 = 10;

/// What is still there of a message.
#[derive(Deserialize)]
pub struct Remains {
    pub id: LinkMessageId,
    #[serde(default)]
    pub card: bool,
}

impl Store {
    /// From here on the link is gone for everyone but for who deletes it.
    pub async fn close_link(&self, link: &Link) -> Result<(), StoreError> {
        self.update(Key::link(&link.slug), |update| {
            update
                .update_expression("SET deleting = :true")
                .condition_expression("id = :id")
                .expression_attribute_values(":id", text(link.id))
                .expression_attribute_values(":true", aws_sdk_dynamodb::types::AttributeValue::Bool(true))
        })
        .await
        .map(drop)
    }

    /// Some messages of the link that are still there; none when it is empty.
    pub async fn remains(&self, link: LinkId) -> Result<Vec<Remains>, StoreError> {
        let shards = try_join_all((0..LINK_SHARDS).map(|shard| {
            self.query(link_shard(link, shard), |query| {
                query.key_condition_expression("pk = :pk").projection_expression("id, card").limit(SHARD_STEP)
            })
        }))
        .await?;
        shards.into_iter().flat_map(|page| page.items.unwrap_or_default()).map(from_item).collect()
    }

    pub async fn remove_messages(&self, link: LinkId, remains: &[Remains]) -> Result<(), StoreError> {
        let keys: Vec<Item> = remains.iter().map(|message| Key::link_message(link, message.id).into_item()).collect();
        try_join_all(keys.chunks(BATCH).map(|keys| self.remove_batch(keys.to_vec()))).await.map(drop)
    }

    /// The slug is free again.
    pub async fn forget_link(&self, link: &Link) -> Result<(), StoreError> {
        let call = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::link(&link.slug).into_item()))
            .condition_expression("id = :id")
            .expression_attribute_values(":id", text(link.id))
            .return_consumed_capacity(aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total);
        match self.tally.call(&["dynamodb:DeleteItem"], call.send()).await {
            Ok(output) => self.spend_write(output.consumed_capacity()),
            // Another request has finished the same deletion.
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => {}
            Err(error) => return Err(StoreError(describe("DeleteItem", &error))),
        }
        Ok(())
    }

    async fn remove_batch(&self, keys: Vec<Item>) -> Result<(), StoreError> {
        let delete = |key| DeleteRequest::builder().set_key(Some(key)).build().expect("a delete request with a key");
        let mut left: Vec<WriteRequest> =
            keys.into_iter().map(|key| WriteRequest::builder().delete_request(delete(key)).build()).collect();
        for attempt in 0..TRIES {
            let call = self
                .client
                .batch_write_item()
                .request_items(&self.table, left)
                .return_consumed_capacity(aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total);
            let output = self
                .tally
                .call(&["dynamodb:BatchWriteItem"], call.send())
                .await
                .map_err(|error| StoreError(describe("BatchWriteItem", &error)))?;
            output.consumed_capacity().iter().for_each(|consumed| self.spend_write(Some(consumed)));
            left = output.unprocessed_items.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(pause(attempt)).await;
        }
        Err(StoreError("BatchWriteItem: the table takes no more for now".to_owned()))
    }
}
