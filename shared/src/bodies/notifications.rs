//! Notifications. Failures have the shape of communities'.

use serde::{Deserialize, Serialize};

use super::constant;
#[cfg(feature = "schema")]
use crate::types::schema;
use crate::{
    store::Preferences,
    types::{Object, PushEndpoint, PushSubscriptionId, Timestamp, given},
};

pub const UNSUBSCRIBED: &str = "You will get no more mail about messages";

constant!(Unsubscribed: String = UNSUBSCRIBED);
constant!(SubscriptionDeleted: String = "Push subscription deleted successfully");

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PreferencesBody {
    pub messages: Preferences,
}

/// A field that is left out stays as it is.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PreferenceChange {
    #[cfg_attr(feature = "schema", schema(value_type = MessagePreferenceChange))]
    pub messages: Object<MessagePreferenceChange>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MessagePreferenceChange {
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schema(value_type = bool))]
    pub email: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schema(value_type = bool))]
    pub push: Option<bool>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PushSubscriptionBody<'a> {
    pub id: PushSubscriptionId,
    pub endpoint: &'a PushEndpoint,
    pub created_at: Timestamp,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct VapidKeyBody {
    #[cfg_attr(feature = "schema", schema(value_type = schema::ApplicationServerKey))]
    pub key: String,
}
