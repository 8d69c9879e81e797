//! The table: one function per access pattern, a file per noun. The few calls that all of them make stand here, so that
//! each is counted, bounded in time and understood in one place.

mod count;
mod keys;
mod limits;
mod link;
mod link_message;
mod once;
mod purge;
mod send;
mod write;

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    Client,
    operation::{
        query::{QueryOutput, builders::QueryFluentBuilder},
        transact_write_items::TransactWriteItemsError,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{
        AttributeValue, CancellationReason, ConsumedCapacity, Delete, Put, ReturnConsumedCapacity,
        ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{aws::describe, tally::Tally, tokens::random};
use keys::Key;
pub use limits::{Hit, Meter, Quota, TooMany};
pub use link::{Created, Link, LinkChanges, LinkStatus, Updated};
pub use link_message::{CardMarked, LinkMessage, MessagePage};
pub use once::{Once, Repeat};
pub use send::Sent;
pub use write::{Guards, Stopped};

type Item = HashMap<String, AttributeValue>;

/// How long a write that collides with others is tried again: well within every function's time-out.
const PATIENCE: Duration = Duration::from_secs(9);

/// A call that failed though nothing in the request is to blame. Holds words for the log, no content.
#[derive(Debug)]
pub struct StoreError(String);

impl StoreError {
    pub(crate) fn new(cause: String) -> Self {
        Self(cause)
    }

    fn no_slot() -> Self {
        Self("a limit had neither a free slot nor a full window".to_owned())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub struct Store {
    client: Client,
    table: String,
    tally: Arc<Tally>,
}

/// One write of a transaction with the IAM action that it needs.
#[derive(Clone)]
struct Step {
    action: &'static str,
    item: TransactWriteItem,
}

impl Step {
    fn put(put: Put) -> Self {
        Self { action: "dynamodb:PutItem", item: TransactWriteItem::builder().put(put).build() }
    }

    fn update(update: Update) -> Self {
        Self { action: "dynamodb:UpdateItem", item: TransactWriteItem::builder().update(update).build() }
    }

    fn delete(delete: Delete) -> Self {
        Self { action: "dynamodb:DeleteItem", item: TransactWriteItem::builder().delete(delete).build() }
    }
}

/// How a transaction ended.
enum Outcome {
    Done,
    /// Per step: whether its condition failed, and the item that it failed on.
    Refused(Vec<Refused>),
}

#[derive(Default)]
struct Refused {
    failed: bool,
    item: Option<Item>,
}

impl Store {
    pub fn new(client: Client, table: String, tally: Arc<Tally>) -> Self {
        Self { client, table, tally }
    }

    /// Opens the connection and signs once, so that the first request need not. Whether it succeeds is that request's to find out.
    pub async fn prime(&self) {
        let _ = self.get_item(Key::prime()).await;
    }

    /// Notes on the request's log line a failure that the request goes on in spite of.
    pub fn degrade(&self, error: &StoreError) {
        self.tally.degrade(error.to_string());
    }

    async fn get<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>, StoreError> {
        self.get_item(key).await?.map(from_item).transpose()
    }

    /// A strongly consistent read: what it answers may decide something.
    async fn get_item(&self, key: Key) -> Result<Option<Item>, StoreError> {
        let call = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let output = self
            .tally
            .call(&["dynamodb:GetItem"], call.send())
            .await
            .map_err(|error| StoreError(describe("GetItem", &error)))?;
        self.spend_read(output.consumed_capacity());
        Ok(output.item)
    }

    /// A strongly consistent query on one partition; `shape` adds what it wants.
    async fn query(
        &self,
        partition: String,
        shape: impl FnOnce(QueryFluentBuilder) -> QueryFluentBuilder,
    ) -> Result<QueryOutput, StoreError> {
        let call = shape(
            self.client
                .query()
                .table_name(&self.table)
                .expression_attribute_values(":pk", AttributeValue::S(partition))
                .consistent_read(true)
                .return_consumed_capacity(ReturnConsumedCapacity::Total),
        );
        let output = self
            .tally
            .call(&["dynamodb:Query"], call.send())
            .await
            .map_err(|error| StoreError(describe("Query", &error)))?;
        self.spend_read(output.consumed_capacity());
        Ok(output)
    }

    /// One conditional update. `Ok(Err(item))`: its condition failed, on this item. Tried again when it collides with a
    /// transaction, which the SDK does not.
    async fn update(
        &self,
        key: Key,
        shape: impl FnOnce(UpdateItemFluentBuilder) -> UpdateItemFluentBuilder,
    ) -> Result<Result<Item, Option<Item>>, StoreError> {
        let call = shape(
            self.client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key.into_item()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .return_consumed_capacity(ReturnConsumedCapacity::Total),
        );
        let mut collisions = Collisions::default();
        loop {
            let error = match self.tally.call(&["dynamodb:UpdateItem"], call.clone().send()).await {
                Ok(output) => {
                    self.spend_write(output.consumed_capacity());
                    return Ok(Ok(output.attributes.unwrap_or_default()));
                }
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => return Ok(Err(failed.item.clone())),
                Some(UpdateItemError::TransactionConflictException(_)) if collisions.pause().await => {}
                _ => return Err(StoreError(describe("UpdateItem", &error))),
            }
        }
    }

    /// All of `steps` or none. A transaction that collided with another one is tried again: a collision says nothing
    /// about the conditions. The SDK's client token makes a try whose answer got lost count once.
    async fn transact(&self, steps: Vec<Step>) -> Result<Outcome, StoreError> {
        let actions: Vec<&'static str> = steps.iter().map(|step| step.action).collect();
        let items: Vec<TransactWriteItem> = steps.into_iter().map(|step| step.item).collect();
        let mut collisions = Collisions::default();
        loop {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let error = match self.tally.call(&actions, call.send()).await {
                Ok(output) => {
                    let units = output.consumed_capacity().iter().map(write_units).sum();
                    self.tally.spend(0.0, units);
                    return Ok(Outcome::Done);
                }
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(StoreError(describe("TransactWriteItems", &error)));
            };
            let reasons = cancelled.cancellation_reasons();
            if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
                return Ok(Outcome::Refused(reasons.iter().map(Refused::from).collect()));
            }
            if !reasons.iter().all(passes_by) || !collisions.pause().await {
                let codes: Vec<&str> = reasons.iter().filter_map(CancellationReason::code).collect();
                return Err(StoreError(format!("TransactWriteItems: cancelled, {}", codes.join(" "))));
            }
        }
    }

    fn delete_step(&self, key: Key, condition: Option<&str>) -> Step {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .set_condition_expression(condition.map(str::to_owned))
            .build()
            .expect("a delete with table and key");
        Step::delete(delete)
    }

    fn spend_write(&self, consumed: Option<&ConsumedCapacity>) {
        self.tally.spend(0.0, consumed.map(write_units).unwrap_or_default());
    }

    fn spend_read(&self, consumed: Option<&ConsumedCapacity>) {
        self.tally.spend(consumed.and_then(ConsumedCapacity::capacity_units).unwrap_or_default(), 0.0);
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
struct Collisions {
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
    async fn pause(&mut self) -> bool {
        if self.started.elapsed() > PATIENCE {
            return false;
        }
        let ceiling = 10 << self.count.min(5);
        self.count += 1;
        tokio::time::sleep(Duration::from_millis(u64::from(u32::from_be_bytes(random())) % ceiling)).await;
        true
    }
}

fn write_units(consumed: &ConsumedCapacity) -> f64 {
    consumed.write_capacity_units().or(consumed.capacity_units()).unwrap_or_default()
}

fn to_item(key: Key, value: &impl Serialize) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|_| StoreError("an item can't be written".to_owned()))?;
    item.extend(key.into_item());
    Ok(item)
}

/// The cause names no value: an item holds what people wrote.
fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|_| StoreError("an item can't be read".to_owned()))
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}
