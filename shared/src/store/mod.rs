//! The table: one function per access pattern, a file per noun. The few calls that all of them make stand here, so that
//! each is counted, bounded in time and understood in one place.

mod account;
mod batch;
mod block;
mod ceiling;
mod code;
mod community;
mod conversation;
mod count;
mod device;
mod erasure;
mod hits;
mod idempotency;
mod inbox;
mod keys;
mod link;
mod link_message;
mod mark;
mod notification_event;
mod notification_state;
mod orphaned_media;
mod page;
mod preferences;
mod private_message;
mod private_send;
mod purge;
mod push_subscription;
mod send;
mod senders;
mod stream;
mod transact;
mod username;
mod write;

use std::{collections::HashMap, sync::Arc};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        delete_item::builders::DeleteItemFluentBuilder,
        put_item::builders::PutItemFluentBuilder,
        query::{QueryOutput, builders::QueryFluentBuilder},
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{AttributeValue, ConsumedCapacity, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure},
};
use serde::{Serialize, de::DeserializeOwned};

pub use crate::error::StoreError;
use crate::stats::RequestStats;
pub use account::{Account, EmailClaim, NewAccount, SignUpRefused};
pub use block::Block;
pub(crate) use ceiling::Ceiling;
pub use code::{CodeFor, CodeTried, OneTimeCode};
pub use community::{
    Community, CommunityChanges, CommunityDraft, CommunityMessage, CommunityPreview, JoinRefused, Member, Membership,
    TakenBack, Thread, Unreachable,
};
pub use conversation::{Marks, Participant, Participants, Preview};
pub use device::{Device, NoDevice};
pub use erasure::{Closure, Erasure};
pub(crate) use hits::{Hit, HitLog, Standing, Underway, Window};
pub use hits::{Quota, RateLimit, TooMany};
pub use idempotency::{IdempotencyRecord, Replay};
pub use inbox::InboxMessage;
use keys::Key;
pub use link::{Link, LinkChanges, LinkStatus, SlugClaim, SlugTaken, Updated};
pub use link_message::{CardRefused, LinkMessage};
pub use mark::Mark;
pub use notification_event::{NotificationEvent, Place};
pub use notification_state::{NotificationState, PUSH_LEASE, PushClaim, PushWait, Turn};
pub use orphaned_media::OrphanedMedia;
pub use page::Page;
pub use preferences::{PreferenceChanges, Preferences, Ways};
pub use private_message::{Media, PrivateMessage};
pub use private_send::{PrivateDraft, PrivateRefused};
pub use push_subscription::{KnownEndpoint, MOST_SUBSCRIPTIONS, PushSubscription, TooManySubscriptions};
pub use send::SendRefused;
pub use senders::{Sender, SenderKeys, Unsealed};
pub use stream::{StreamBatch, StreamRecord};
use transact::{Collisions, Outcome, Refused, TransactItem};
pub use username::{AccountStatus, UsernameClaim};
pub use write::{WriteContext, Written};

type Item = HashMap<String, AttributeValue>;

/// How much a read of one item must know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Every write that has been answered.
    Consistent,
    /// Perhaps not the newest writes, for half the units: where a later write decides, or where a count need not be exact.
    Eventual,
}

/// How a conditional update ended.
enum Update {
    /// With the attributes that were asked for.
    Done(Item),
    /// Its condition failed, on this item; none where there is no item.
    Refused(Option<Item>),
}

impl Update {
    fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn done(self) -> Option<Item> {
        match self {
            Self::Done(item) => Some(item),
            Self::Refused(_) => None,
        }
    }

    /// The attributes of an update without a condition, which can't be refused.
    fn unwrap_or_default(self) -> Item {
        self.done().unwrap_or_default()
    }
}

#[derive(Clone)]
pub struct Store {
    client: Client,
    table: String,
    stats: Arc<RequestStats>,
}

impl Store {
    pub fn new(client: Client, table: String, stats: Arc<RequestStats>) -> Self {
        Self { client, table, stats }
    }

    /// A read that finds nothing.
    pub async fn prime(&self) {
        let _ = self.get_item(Key::prime()).await;
    }

    /// Notes on the request's log line a failure that the request goes on in spite of.
    pub fn record_degradation(&self, error: &StoreError) {
        self.stats.record_degradation(error.to_string());
    }

    async fn get<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>, StoreError> {
        self.get_item(key).await?.map(from_item).transpose()
    }

    async fn get_item(&self, key: Key) -> Result<Option<Item>, StoreError> {
        self.read_item(key, Reading::Consistent).await
    }

    async fn read_item(&self, key: Key, reading: Reading) -> Result<Option<Item>, StoreError> {
        let call = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .consistent_read(reading == Reading::Consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let output = self
            .stats
            .call(&["dynamodb:GetItem"], call.send())
            .await
            .map_err(|error| StoreError::call("GetItem", error))?;
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
            .stats
            .call(&["dynamodb:Query"], call.send())
            .await
            .map_err(|error| StoreError::call("Query", error))?;
        self.spend_read(output.consumed_capacity());
        Ok(output)
    }

    /// One conditional update.
    async fn update(
        &self,
        key: Key,
        shape: impl FnOnce(UpdateItemFluentBuilder) -> UpdateItemFluentBuilder,
    ) -> Result<Update, StoreError> {
        let call = shape(
            self.client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key.into_item()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .return_consumed_capacity(ReturnConsumedCapacity::Total),
        );
        match self.write_alone("dynamodb:UpdateItem", async || call.clone().send().await).await {
            Ok(output) => {
                self.spend_write(output.consumed_capacity());
                Ok(Update::Done(output.attributes.unwrap_or_default()))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Update::Refused(failed.item.clone()))
                }
                _ => Err(StoreError::call("UpdateItem", error)),
            },
        }
    }

    /// A write whatever was there.
    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.put_if(item, |put| put).await
    }

    /// One write of a whole item; nothing happens where its condition fails.
    async fn put_if(
        &self,
        item: Item,
        shape: impl FnOnce(PutItemFluentBuilder) -> PutItemFluentBuilder,
    ) -> Result<(), StoreError> {
        let call = shape(
            self.client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(item))
                .return_consumed_capacity(ReturnConsumedCapacity::Total),
        );
        match self.write_alone("dynamodb:PutItem", async || call.clone().send().await).await {
            Ok(output) => self.spend_write(output.consumed_capacity()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {}
            Err(error) => return Err(StoreError::call("PutItem", error)),
        }
        Ok(())
    }

    /// One deletion; nothing happens where its condition fails.
    async fn delete(
        &self,
        key: Key,
        shape: impl FnOnce(DeleteItemFluentBuilder) -> DeleteItemFluentBuilder,
    ) -> Result<(), StoreError> {
        let call = shape(
            self.client
                .delete_item()
                .table_name(&self.table)
                .set_key(Some(key.into_item()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total),
        );
        match self.write_alone("dynamodb:DeleteItem", async || call.clone().send().await).await {
            Ok(output) => self.spend_write(output.consumed_capacity()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {}
            Err(error) => return Err(StoreError::call("DeleteItem", error)),
        }
        Ok(())
    }

    /// Sends a write until it no longer collides with a transaction, which the SDK does not do.
    async fn write_alone<T, E: ProvideErrorMetadata>(
        &self,
        action: &'static str,
        send: impl AsyncFn() -> Result<T, SdkError<E>>,
    ) -> Result<T, SdkError<E>> {
        let mut collisions = Collisions::default();
        loop {
            match self.stats.call(&[action], send()).await {
                Err(error) if error.code() == Some("TransactionConflictException") && collisions.pause().await => {}
                outcome => return outcome,
            }
        }
    }

    fn spend_write(&self, consumed: Option<&ConsumedCapacity>) {
        self.stats.spend(0.0, consumed.map(write_units).unwrap_or_default());
    }

    fn spend_read(&self, consumed: Option<&ConsumedCapacity>) {
        self.stats.spend(consumed.and_then(ConsumedCapacity::capacity_units).unwrap_or_default(), 0.0);
    }
}

fn write_units(consumed: &ConsumedCapacity) -> f64 {
    consumed.write_capacity_units().or(consumed.capacity_units()).unwrap_or_default()
}

fn to_item(key: Key, value: &impl Serialize) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|error| StoreError::unwritable("an item", error))?;
    item.extend(key.into_item());
    Ok(item)
}

fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(StoreError::Unreadable)
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}
