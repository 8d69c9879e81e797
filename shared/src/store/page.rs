//! Lists, page by page.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use serde::de::DeserializeOwned;

use super::{Store, StoreError, from_item, text};
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

impl Store {
    /// The items of a partition before the sort key `before`, last first.
    pub(super) async fn page_before<T: DeserializeOwned>(
        &self,
        partition: String,
        before: String,
        size: PageSize,
    ) -> Result<Page<T>, StoreError> {
        let page = self.query(partition, |query| {
            query
                .key_condition_expression("pk = :pk AND sk < :before")
                .expression_attribute_values(":before", text(before))
                .scan_index_forward(false)
                .limit(size.get() as i32 + 1)
        });
        Page::of(page.await?, size)
    }

    /// The items of a partition whose sort keys begin with `prefix`, behind the sort key `after`, in their order.
    pub(super) async fn page_after<T: DeserializeOwned>(
        &self,
        partition: String,
        prefix: &str,
        after: Option<String>,
        size: PageSize,
    ) -> Result<Page<T>, StoreError> {
        let after = after.unwrap_or_else(|| prefix.to_owned());
        let page = self.query(partition, |query| {
            query
                .key_condition_expression("pk = :pk AND sk BETWEEN :after AND :end")
                // BETWEEN takes its ends in: a blank sorts behind the key itself and before all that may follow it.
                .expression_attribute_values(":after", text(format!("{after} ")))
                .expression_attribute_values(":end", text(format!("{prefix}~")))
                .limit(size.get() as i32 + 1)
        });
        Page::of(page.await?, size)
    }
}
