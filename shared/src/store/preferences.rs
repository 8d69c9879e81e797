//! How a user wants to be told of messages. Until something is said, by mail and by push.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Store, StoreError, from_item, keys::Key};
use crate::types::UserId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MessagePreferences)]
pub struct Preferences {
    #[serde(default = "yes")]
    pub email: bool,
    #[serde(default = "yes")]
    pub push: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { email: true, push: true }
    }
}

/// The ways by which a user is told of messages.
#[derive(Deserialize)]
pub struct Ways {
    #[serde(default = "yes")]
    pub email: bool,
    #[serde(default = "yes")]
    push: bool,
    #[serde(default)]
    subscriptions: u32,
}

impl Ways {
    /// Whether the user wants pushes, and has a browser for them.
    pub fn push(&self) -> bool {
        self.push && self.subscriptions > 0
    }
}

const fn yes() -> bool {
    true
}

/// The changes that a user makes.
#[derive(Clone, Copy)]
pub struct PreferenceChanges {
    pub email: Option<bool>,
    pub push: Option<bool>,
}

impl PreferenceChanges {
    pub fn is_empty(&self) -> bool {
        self.email.is_none() && self.push.is_none()
    }
}

impl Store {
    pub async fn preferences(&self, user: UserId) -> Result<Preferences, StoreError> {
        Ok(self.get(Key::preferences(user)).await?.unwrap_or_default())
    }

    pub async fn ways(&self, user: UserId) -> Result<Ways, StoreError> {
        let ways = self.get(Key::preferences(user)).await?;
        Ok(ways.unwrap_or(Ways { email: true, push: true, subscriptions: 0 }))
    }

    /// Changes the fields that `changes` names, at least one, and returns all of them.
    pub async fn set_preferences(&self, user: UserId, changes: PreferenceChanges) -> Result<Preferences, StoreError> {
        let given = [("email", changes.email), ("push", changes.push)];
        let given: Vec<(&str, bool)> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let set: Vec<String> = given.iter().map(|(name, _)| format!("{name} = :{name}")).collect();
        let updated = self.update(Key::preferences(user), |update| {
            let values = given.iter().map(|(name, value)| (format!(":{name}"), AttributeValue::Bool(*value)));
            update
                .update_expression(format!("SET {}", set.join(", ")))
                .set_expression_attribute_values(Some(values.collect()))
                .return_values(ReturnValue::AllNew)
        });
        // Without a condition, there is none to fail.
        updated.await?.done().map_or_else(|| Ok(Preferences::default()), from_item)
    }

    /// Ends mail about messages. Nothing is written for an account that is gone.
    pub async fn unsubscribe(&self, user: UserId) -> Result<(), StoreError> {
        let steps = vec![
            self.transact_check(Key::user(user), "attribute_exists(pk)"),
            self.transact_update(
                Key::preferences(user),
                "SET email = :false",
                "attribute_not_exists(email) OR email <> :false",
                [(":false", AttributeValue::Bool(false))],
            ),
        ];
        self.transact(steps).await.map(drop)
    }
}
