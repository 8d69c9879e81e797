//! How many messages a link has. A capped link keeps the number in its item, exact in every transaction. Any other
//! link is counted when its owner asks. The result is kept, so the next time only new messages are counted.

use std::time::Duration;

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, Select, Update, builders::UpdateBuilder};
use futures_util::future::try_join_all;

use super::{
    Store, StoreError, TransactItem,
    keys::{AFTER_MESSAGES, BEFORE_MESSAGES, Key, LINK_SHARDS, link_message_sort, link_shard},
    link::Link,
    number, text,
};
use crate::types::{LinkId, LinkMessageId, Timestamp};

/// No message older than this is still being sent: its function would have timed out.
const SETTLED_AFTER: Duration = Duration::from_secs(60);
/// With this many new messages the count is written to the link, so that they need not be counted again.
const WORTH_KEEPING: u64 = 500;

impl Store {
    pub async fn message_count(&self, link: &Link, now: Timestamp) -> Result<u64, StoreError> {
        if let Some(count) = link.message_count {
            return Ok(count);
        }
        let new = self.count_between(link.id, link.counted_upto, None).await?;
        if new > WORTH_KEEPING {
            self.keep_count(link, now).await?;
        }
        Ok(link.counted + new)
    }

    /// Keeps the count of the settled messages. If the link changed meanwhile, nothing is written, and the next
    /// request counts.
    async fn keep_count(&self, link: &Link, now: Timestamp) -> Result<(), StoreError> {
        let settled = Timestamp::from_millis(now.millis() - SETTLED_AFTER.as_millis() as i64);
        let upto = LinkMessageId::new(settled, [0; 10]);
        if link.counted_upto.is_some_and(|counted| counted >= upto) {
            return Ok(());
        }
        let count = link.counted + self.count_between(link.id, link.counted_upto, Some(upto)).await?;
        self.update(Key::link(&link.slug), |update| {
            update
                .update_expression("SET counted = :count, counted_upto = :upto")
                .condition_expression("id = :id AND count_epoch = :epoch")
                .expression_attribute_values(":id", text(link.id))
                .expression_attribute_values(":epoch", number(link.count_epoch))
                .expression_attribute_values(":count", number(count))
                .expression_attribute_values(":upto", text(upto))
        })
        .await
        .map(drop)
    }

    /// Messages after `after`, up to and including `upto`, on every shard at once.
    async fn count_between(
        &self,
        link: LinkId,
        after: Option<LinkMessageId>,
        upto: Option<LinkMessageId>,
    ) -> Result<u64, StoreError> {
        let after = after.map_or_else(|| BEFORE_MESSAGES.to_owned(), |id| format!("{}$", link_message_sort(id)));
        let upto = upto.map_or_else(|| AFTER_MESSAGES.to_owned(), link_message_sort);
        let (after, upto) = (&after, &upto);
        let counts = try_join_all((0..LINK_SHARDS).map(|shard| async move {
            let (mut count, mut start) = (0, None);
            loop {
                let page = self
                    .query(link_shard(link, shard), |query| {
                        query
                            .key_condition_expression("pk = :pk AND sk BETWEEN :after AND :upto")
                            .expression_attribute_values(":after", text(after))
                            .expression_attribute_values(":upto", text(upto))
                            .select(Select::Count)
                            .set_exclusive_start_key(start.take())
                    })
                    .await?;
                count += u64::from(page.count().unsigned_abs());
                start = page.last_evaluated_key;
                if start.is_none() {
                    return Ok(count);
                }
            }
        }))
        .await?;
        Ok(counts.into_iter().sum())
    }

    /// The step that counts a new message of a capped link, if there is room for it.
    pub(super) fn count_item(&self, link: &Link) -> TransactItem {
        self.link_item(link, |update| {
            update
                .update_expression("ADD message_count :one")
                .condition_expression("id = :id AND attribute_not_exists(deleting) AND message_count < max_messages")
        })
    }

    /// The step that takes a deleted message out of every count that it is in. Fails when the link was counted
    /// meanwhile. A count of zero can't have seen the message, so it becomes void.
    pub(super) fn uncount_item(&self, link: &Link, message: LinkMessageId) -> TransactItem {
        let (expression, condition) = match link.message_count {
            Some(0) => ("REMOVE message_count ADD count_epoch :one", "attribute_exists(message_count)"),
            Some(_) => ("ADD count_epoch :one, message_count :minus_one", "message_count >= :one"),
            None => ("ADD count_epoch :one", "attribute_not_exists(message_count)"),
        };
        let is_kept = link.counted_upto.is_some_and(|upto| message <= upto);
        let expression = format!("{expression}{}", if is_kept { ", counted :minus_one" } else { "" });
        let minus_one = expression.contains(":minus_one").then(|| number(-1));
        self.link_item(link, |update| {
            let update = update
                .update_expression(expression)
                .condition_expression(format!("id = :id AND count_epoch = :epoch AND {condition}"))
                .expression_attribute_values(":epoch", number(link.count_epoch));
            minus_one.into_iter().fold(update, |update, value| update.expression_attribute_values(":minus_one", value))
        })
    }

    /// The step that makes a count void which may or may not have seen a message.
    pub(super) fn void_count_item(&self, link: &Link) -> TransactItem {
        self.link_item(link, |update| {
            update.update_expression("REMOVE message_count ADD count_epoch :one").condition_expression("id = :id")
        })
    }

    /// A write to the link itself that fails with the link as it is.
    fn link_item(&self, link: &Link, shape: impl FnOnce(UpdateBuilder) -> UpdateBuilder) -> TransactItem {
        let update = shape(Update::builder())
            .table_name(&self.table)
            .set_key(Some(Key::link(&link.slug).into_item()))
            .expression_attribute_values(":id", text(link.id))
            .expression_attribute_values(":one", number(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .expect("an update with table, key and expression");
        TransactItem::update(update)
    }
}
