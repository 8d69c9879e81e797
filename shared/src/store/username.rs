//! Usernames: who has one, whether they take messages, and whether their account may act. One read decides a send.

use serde::{Deserialize, Serialize};

use super::{Item, Store, StoreError, TransactItem, from_item, keys::Key, text, to_item};
use crate::types::{Timestamp, UserId, Username};

#[derive(Serialize, Deserialize)]
pub struct UsernameClaim {
    /// In its exact spelling.
    pub username: Username,
    pub user_id: UserId,
    pub status: AccountStatus,
    pub is_accepting: bool,
    /// Sessions that began in an earlier epoch are over: it changes with the password.
    pub epoch: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    Active,
    Inactive,
    Suspended,
}

impl UsernameClaim {
    /// The claim of a new user: active, and open to messages.
    pub fn new(username: Username, user_id: UserId) -> Self {
        Self { username, user_id, status: AccountStatus::Active, is_accepting: true, epoch: 0 }
    }
}

/// A name that nobody has, and nobody gets before its time.
#[derive(Serialize, Deserialize)]
pub(super) struct Reserved {
    pub(super) reserved_until: Timestamp,
    ttl: i64,
}

impl Reserved {
    pub(super) fn until(until: Timestamp) -> Self {
        Self { reserved_until: until, ttl: until.seconds() }
    }
}

/// Holds where a name is free at `:now`.
pub(super) const IS_FREE: &str = "attribute_not_exists(pk) OR reserved_until <= :now";

impl Store {
    /// Whose name it is, however it is spelled.
    pub async fn username_claim(&self, username: &Username) -> Result<Option<UsernameClaim>, StoreError> {
        let item = self.get_item(Key::username(username)).await?;
        item.filter(|item| !item.contains_key("reserved_until")).map(from_item).transpose()
    }

    /// Whether someone who signs up can have it.
    pub async fn is_username_free(&self, username: &Username, now: Timestamp) -> Result<bool, StoreError> {
        let is_free = |item: Item| {
            let reserved = item.contains_key("reserved_until").then(|| from_item::<Reserved>(item)).transpose()?;
            Ok(reserved.is_some_and(|reserved| reserved.reserved_until <= now))
        };
        self.get_item(Key::username(username)).await?.map_or(Ok(true), is_free)
    }

    /// From the moment that this returns, every send that begins sees it; `false` when the user is gone.
    pub async fn set_accepting(&self, username: &Username, user: UserId, accepting: bool) -> Result<bool, StoreError> {
        let updated = self.update(Key::username(username), |update| {
            update
                .update_expression("SET is_accepting = :accepting")
                .condition_expression("user_id = :user")
                .expression_attribute_values(":user", text(user))
                .expression_attribute_values(":accepting", aws_sdk_dynamodb::types::AttributeValue::Bool(accepting))
        });
        Ok(updated.await?.is_done())
    }

    /// The write that leaves a name to nobody until `until`.
    pub(super) fn reserve_item(
        &self,
        username: &Username,
        user: UserId,
        until: Timestamp,
    ) -> Result<TransactItem, StoreError> {
        let item = to_item(Key::username(username), &Reserved::until(until))?;
        Ok(self.transact_put(item, Some("user_id = :user"), [(":user", text(user))]))
    }
}
