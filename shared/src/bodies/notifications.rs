//! Notifications. Failures have the shape of communities'.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::constant;
use crate::types::schema;
use crate::{
    store::Preferences,
    types::{Object, PushEndpoint, PushSubscriptionId, Timestamp, given},
};

pub const UNSUBSCRIBED: &str = "You will get no more mail about messages";

constant!(Unsubscribed: String = UNSUBSCRIBED);
constant!(SubscriptionDeleted: String = "Push subscription deleted successfully");

#[derive(Serialize, ToSchema)]
pub struct PreferencesBody {
    pub messages: Preferences,
}

/// A field that is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferenceChange {
    #[schema(value_type = MessagePreferenceChange)]
    pub messages: Object<MessagePreferenceChange>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessagePreferenceChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool)]
    pub email: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool)]
    pub push: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct PushSubscriptionBody<'a> {
    pub id: PushSubscriptionId,
    pub endpoint: &'a PushEndpoint,
    pub created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub struct VapidKeyBody {
    #[schema(value_type = schema::ApplicationServerKey)]
    pub key: String,
}
