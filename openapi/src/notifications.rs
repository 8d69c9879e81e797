//! Notifications.

use serde_json::json;
use shared::http::NotificationsError;
use utoipa::ToSchema;

use crate::{
    communities::CommunitiesFailure,
    operation::{Documented, Operation},
    shape::Shape,
    types::*,
};

type Error = NotificationsError;

impl Documented for NotificationsError {
    fn shape(_: u16) -> Shape {
        Shape::of::<CommunitiesFailure>()
    }
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Preferences {
    messages: MessagePreferences,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct MessagePreferences {
    email: bool,
    push: bool,
}

/// What is left out stays as it is.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct PreferenceChange {
    messages: MessagePreferenceChange,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct MessagePreferenceChange {
    #[schema(required = false)]
    email: bool,
    #[schema(required = false)]
    push: bool,
}

/// What `JSON.stringify(subscription)` gives in a browser. Fields that browsers may add are passed over.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct BrowserSubscription {
    endpoint: PushEndpoint,
    expiration_time: Option<f64>,
    keys: BrowserKeys,
}

#[derive(ToSchema)]
struct BrowserKeys {
    p256dh: PushKey,
    auth: PushSecret,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct PushSubscription {
    id: PushSubscriptionId,
    endpoint: PushEndpoint,
    created_at: Timestamp,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct VapidKey {
    /// The `applicationServerKey` of `PushManager.subscribe`, in base64url.
    #[schema(
        pattern = r"^[\w-]{87}$",
        examples("BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM")
    )]
    key: String,
}

fn said(message: &str) -> Shape {
    Shape::object([("message", Shape::text(message))])
}

pub fn operations() -> [Operation<Error>; 7] {
    let anything = json!({ "type": "string", "description": "Anything: it does not matter." });
    [
        Operation::of("get-preferences").session().gives::<Preferences>(200),
        Operation::of("set-preferences")
            .session()
            .takes::<PreferenceChange>()
            .gives::<Preferences>(200)
            .fails([Error::NothingToChange]),
        Operation::of("create-push-subscription")
            .session()
            .takes::<BrowserSubscription>()
            .idempotent()
            .gives::<PushSubscription>(201)
            .fails([Error::TooManySubscriptions]),
        Operation::of("delete-push-subscription")
            .session()
            .path::<PushSubscriptionId>("id")
            .gives_shape(200, said("Push subscription deleted successfully"))
            .fails([Error::SubscriptionNotFound]),
        Operation::of("get-vapid-key").session().gives::<VapidKey>(200),
        Operation::of("unsubscribe")
            .required_query::<UnsubscribeToken>("token")
            .takes_other("application/x-www-form-urlencoded", anything, false)
            .gives_shape(200, said("You will get no more mail about messages"))
            .gives_page(200, "Done; to a browser a page says so")
            .fails([Error::BadToken])
            .gives_page(400, "The token is none of ours; to a browser a page says so"),
        Operation::without_store("confirm-unsubscribe")
            .required_query::<UnsubscribeToken>("token")
            .gives_page(200, "A page that asks")
            .gives_page(400, "A page that says that the token is none of ours"),
    ]
}
