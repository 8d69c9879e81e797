//! Reads of many items at once.

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use futures_util::future::try_join_all;
use serde::de::DeserializeOwned;

use super::{Collisions, Item, Store, StoreError, from_item, keys::Key};

/// Items that one BatchGetItem gives at most.
const BATCH: usize = 100;

impl Store {
    /// Those of the items that are there, each once, in no order.
    pub(super) async fn get_all<T: DeserializeOwned>(
        &self,
        keys: Vec<Key>,
        attributes: Option<&str>,
    ) -> Result<Vec<T>, StoreError> {
        let keys: Vec<Item> = each_once(keys).into_iter().map(Key::into_item).collect();
        let batches = keys.chunks(BATCH).map(|keys| self.get_batch(keys.to_vec(), attributes));
        try_join_all(batches).await?.into_iter().flatten().map(from_item).collect()
    }

    async fn get_batch(&self, keys: Vec<Item>, attributes: Option<&str>) -> Result<Vec<Item>, StoreError> {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .set_projection_expression(attributes.map(str::to_owned))
            .consistent_read(true)
            .build()
            .map_err(|error| StoreError::unwritable("a batch of keys", error))?;
        let (mut left, mut items) = (Some(wanted), Vec::new());
        let mut collisions = Collisions::default();
        while let Some(wanted) = left {
            let call = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let output = self
                .stats
                .call(&["dynamodb:BatchGetItem"], call.send())
                .await
                .map_err(|error| StoreError::call("BatchGetItem", error))?;
            output.consumed_capacity().iter().for_each(|consumed| self.spend_read(Some(consumed)));
            items.extend(output.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default());
            // Keys that did not fit into the response, or for which the table had no capacity.
            left = output.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table));
            if left.is_some() && !collisions.pause().await {
                return Err(StoreError::Busy("BatchGetItem: the table gives no more for now"));
            }
        }
        Ok(items)
    }
}

/// DynamoDB refuses a whole BatchGetItem with two equal keys. Keys may come from an index, which can hold an item at two places
/// while the item moves. The tests' store accepts equal keys, and its index has no delay.
fn each_once(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UserId;

    #[test]
    fn what_is_asked_for_twice_is_asked_for_once() {
        let keys = [1, 2, 1, 3, 2, 1].map(|n| Key::user(UserId::from_bytes([n; 12])));
        let expected = [1, 2, 3].map(|n| Key::user(UserId::from_bytes([n; 12])));
        assert!(each_once(keys.into()) == expected);
        assert!(each_once(Vec::new()).is_empty());
    }
}
