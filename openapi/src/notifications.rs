//! Notifications.

use serde_json::json;
use shared::{
    bodies::*,
    http::NotificationsError,
    types::{BrowserSubscription, PushSubscriptionId, schema::UnsubscribeToken},
};

use crate::{
    operation::{Documented, Operation},
    shape::Shape,
};

type Error = NotificationsError;

impl Documented for NotificationsError {
    fn shape(_: u16) -> Shape {
        Shape::answer::<CommunitiesFailure>()
    }
}

pub fn operations() -> [Operation<Error>; 7] {
    let anything = json!({ "type": "string", "description": "Anything: it does not matter." });
    [
        Operation::of("get-preferences").session().gives::<PreferencesBody>(200),
        Operation::of("set-preferences")
            .session()
            .takes::<PreferenceChange>()
            .gives::<PreferencesBody>(200)
            .fails([Error::NothingToChange]),
        Operation::of("create-push-subscription")
            .session()
            .takes::<BrowserSubscription>()
            .idempotent()
            .gives::<PushSubscriptionBody>(201)
            .fails([Error::TooManySubscriptions]),
        Operation::of("delete-push-subscription")
            .session()
            .path::<PushSubscriptionId>("id")
            .gives::<Said<SubscriptionDeleted>>(200)
            .fails([Error::SubscriptionNotFound]),
        Operation::of("get-vapid-key").session().gives::<VapidKeyBody>(200),
        Operation::of("unsubscribe")
            .required_query::<UnsubscribeToken>("token")
            .takes_other("application/x-www-form-urlencoded", anything, false)
            .gives::<Said<Unsubscribed>>(200)
            .gives_page(200, "Done; to a browser a page says so")
            .fails([Error::BadToken])
            .gives_page(400, "The token is none of ours; to a browser a page says so"),
        Operation::without_store("confirm-unsubscribe")
            .required_query::<UnsubscribeToken>("token")
            .gives_page(200, "A page that asks")
            .gives_page(400, "A page that says that the token is none of ours"),
    ]
}
