//! Lists, page by page.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use serde::de::DeserializeOwned;

use super::{StoreError, from_item};
use crate::types::PageSize;

/// Part of a list, in the list's order.
pub struct Page<T> {
    pub items: Vec<T>,
    /// There are more behind the last of these.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Where the next page goes on, if there is one: behind the last of these.
    pub fn next<K>(&self, key: impl FnOnce(&T) -> K) -> Option<K> {
        self.items.last().filter(|_| self.has_more).map(key)
    }
}

impl<T: DeserializeOwned> Page<T> {
    /// Of a query that asked for one more than `size`. A query also ends where it has read 1 MB.
    pub(super) fn of(output: QueryOutput, size: PageSize) -> Result<Self, StoreError> {
        let items = output.items.unwrap_or_default();
        let has_more = items.len() > size.get() || output.last_evaluated_key.is_some();
        let items = items.into_iter().take(size.get()).map(from_item).collect::<Result<_, _>>()?;
        Ok(Self { items, has_more })
    }
}
