//! Several writes that happen together or not at all.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnConsumedCapacity,
        ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};

use super::{Item, Store, StoreError, keys::Key, write_units};
use crate::tokens::random;

/// How long a write that collides with others is tried again: well within every function's time-out.
const PATIENCE: Duration = Duration::from_secs(9);

/// One write of a transaction with the IAM action that it needs.
#[derive(Clone)]
pub(super) struct TransactItem {
    action: &'static str,
    item: TransactWriteItem,
}

impl TransactItem {
    pub fn put(put: Put) -> Self {
        Self { action: "dynamodb:PutItem", item: TransactWriteItem::builder().put(put).build() }
    }

    pub fn update(update: Update) -> Self {
        Self { action: "dynamodb:UpdateItem", item: TransactWriteItem::builder().update(update).build() }
    }

    pub fn check(check: ConditionCheck) -> Self {
        Self {
            action: "dynamodb:ConditionCheckItem",
            item: TransactWriteItem::builder().condition_check(check).build(),
        }
    }

    pub fn delete(delete: Delete) -> Self {
        Self { action: "dynamodb:DeleteItem", item: TransactWriteItem::builder().delete(delete).build() }
    }
}

/// How a transaction ended.
pub(super) enum Outcome {
    Done,
    /// Per step: whether its condition failed, and the item that it failed on.
    Refused(Vec<Refused>),
}

#[derive(Default)]
pub(super) struct Refused {
    pub failed: bool,
    pub item: Option<Item>,
}

impl Store {
    /// All of `steps` or none. A transaction that collided with another one is tried again: a collision says nothing
    /// about the conditions. The SDK's client token makes a try whose answer got lost count once.
    pub(super) async fn transact(&self, steps: Vec<TransactItem>) -> Result<Outcome, StoreError> {
        let actions: Vec<&'static str> = steps.iter().map(|step| step.action).collect();
        let items: Vec<TransactWriteItem> = steps.into_iter().map(|step| step.item).collect();
        let mut collisions = Collisions::default();
        loop {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let error = match self.stats.call(&actions, call.send()).await {
                Ok(output) => {
                    let units = output.consumed_capacity().iter().map(write_units).sum();
                    self.stats.spend(0.0, units);
                    return Ok(Outcome::Done);
                }
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(StoreError::call("TransactWriteItems", error));
            };
            let reasons = cancelled.cancellation_reasons();
            if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
                return Ok(Outcome::Refused(reasons.iter().map(Refused::from).collect()));
            }
            if !reasons.iter().all(passes_by) || !collisions.pause().await {
                let codes: Vec<&str> = reasons.iter().filter_map(CancellationReason::code).collect();
                let reason = format!("cancelled, {}", codes.join(" ")).into();
                let (operation, source) = ("TransactWriteItems", Some(error.into()));
                return Err(StoreError::Call { operation, reason, source });
            }
        }
    }

    /// A put that comes back with what was there when `condition` fails.
    pub(super) fn transact_put(
        &self,
        item: Item,
        condition: Option<&str>,
        values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> TransactItem {
        let mut put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .set_condition_expression(condition.map(str::to_owned))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in values {
            put = put.expression_attribute_values(name, value);
        }
        TransactItem::put(put.build().expect("a put with table and item"))
    }

    /// An update that comes back with what was there when `condition` fails.
    pub(super) fn transact_update(
        &self,
        key: Key,
        expression: &str,
        condition: &str,
        values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> TransactItem {
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(expression.contains("#ttl").then(|| [("#ttl".into(), "ttl".into())].into()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in values {
            update = update.expression_attribute_values(name, value);
        }
        TransactItem::update(update.build().expect("an update with table, key and expression"))
    }

    /// Writes nothing, but must hold.
    pub(super) fn transact_check(&self, key: Key, condition: &str) -> TransactItem {
        self.check_step_if(key, condition, [])
    }

    pub(super) fn check_step_if(
        &self,
        key: Key,
        condition: &str,
        values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> TransactItem {
        let mut check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .condition_expression(condition);
        for (name, value) in values {
            check = check.expression_attribute_values(name, value);
        }
        TransactItem::check(check.build().expect("a check with table, key and condition"))
    }

    pub(super) fn transact_delete(&self, key: Key, condition: Option<&str>) -> TransactItem {
        self.delete_step_if(key, condition, [])
    }

    pub(super) fn delete_step_if(
        &self,
        key: Key,
        condition: Option<&str>,
        values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> TransactItem {
        let mut delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .set_condition_expression(condition.map(str::to_owned));
        for (name, value) in values {
            delete = delete.expression_attribute_values(name, value);
        }
        TransactItem::delete(delete.build().expect("a delete with table and key"))
    }
}

impl From<&CancellationReason> for Refused {
    fn from(reason: &CancellationReason) -> Self {
        Self { failed: reason.code() == Some("ConditionalCheckFailed"), item: reason.item.clone() }
    }
}

/// Reasons that are gone a moment later.
fn passes_by(reason: &CancellationReason) -> bool {
    matches!(
        reason.code(),
        None | Some("None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    )
}

/// A write that met others on the same item, and stands back for a moment.
pub(super) struct Collisions {
    count: u32,
    started: Instant,
}

impl Default for Collisions {
    fn default() -> Self {
        Self { count: 0, started: Instant::now() }
    }
}

impl Collisions {
    /// Waits with full jitter under a ceiling that doubles from 10 ms to 320 ms (AWS, "Exponential Backoff And Jitter").
    /// `false` without waiting, once patience has run out.
    pub async fn pause(&mut self) -> bool {
        if self.started.elapsed() > PATIENCE {
            return false;
        }
        let ceiling = 10 << self.count.min(5);
        self.count += 1;
        tokio::time::sleep(Duration::from_millis(u64::from(u32::from_be_bytes(random())) % ceiling)).await;
        true
    }
}
