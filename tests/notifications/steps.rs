//! Shared by the tests of notifications: preferences, subscriptions in the format of browsers, and the links in mails.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Call, SOON, User, eventually, everything_stored, mails_for};

pub const PREFERENCES: &str = "/api/v1/notifications/preferences";
pub const SUBSCRIPTIONS: &str = "/api/v1/push/subscriptions";
pub const VAPID_KEY: &str = "/api/v1/push/vapid-key";
pub const UNSUBSCRIBE: &str = "/api/v1/notifications/unsubscribe";

pub const NOT_AUTHENTICATED: &str = "Not Authenticated";

/// The browser's keys of RFC 8291, appendix A.
pub const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
pub const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// An endpoint that is unique in this run.
pub fn random_endpoint() -> String {
    format!("https://fcm.googleapis.com/fcm/send/{}", Uuid::new_v4().simple())
}

/// A subscription as a browser's `PushSubscription.toJSON()` writes it.
pub fn browser(endpoint: &str) -> Value {
    json!({ "endpoint": endpoint, "expirationTime": null, "keys": { "p256dh": P256DH, "auth": AUTH } })
}

impl User {
    pub fn subscribe(&self, body: &Value) -> Call {
        self.post(SUBSCRIPTIONS).json(body)
    }

    /// Creates a subscription and returns its id.
    pub async fn subscribed(&self, endpoint: &str) -> String {
        let created = self.subscribe(&browser(endpoint)).send().await.ok(201);
        created["id"].as_str().expect("an id").to_owned()
    }

    pub fn unsubscribe_push(&self, id: &str) -> Call {
        self.delete(&format!("{SUBSCRIPTIONS}/{id}"))
    }

    /// The user's preferences for messages.
    pub async fn preferences(&self) -> Value {
        self.get(PREFERENCES).send().await.ok(200)["messages"].take()
    }

    /// The query of the unsubscribe link in a mail, after `?`. A message to the user's inbox causes the mail.
    pub async fn unsubscribe_query(&self) -> String {
        self.receive("A message that is told of by mail").await.ok(201);
        eventually("a mail about a message", SOON, async || {
            let mails = mails_for(&self.email).await;
            let texts = mails.iter().filter_map(|mail| mail["text"].as_str());
            let mut tokens = texts.filter_map(|text| text.split_once("/api/v1/notifications/unsubscribe?"));
            tokens.next().map(|(_, rest)| rest.split_whitespace().next().expect("a token").to_owned())
        })
        .await
    }
}

/// Asserts exactly this error, in the family's shape.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, message: &str) {
    answer.is(status, json!({ "message": message }));
}

/// The items of a user's partition.
pub async fn stored_of(user: &User) -> Option<Vec<Value>> {
    let partition = format!("USER#{}", user.id);
    let mut items = everything_stored().await?;
    items.retain(|item| item["pk"]["S"] == partition.as_str());
    Some(items)
}

/// A user's stored subscriptions. Also checks the stored count.
pub async fn subscriptions_of(user: &User) -> Option<Vec<Value>> {
    let items = stored_of(user).await?;
    let counted =
        items.iter().find(|item| item["sk"]["S"] == "PREFERENCES").map(|item| item["subscriptions"]["N"].clone());
    let is_subscription = |item: &Value| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("PUSH#"));
    let found: Vec<Value> = items.into_iter().filter(is_subscription).collect();
    assert_eq!(counted.unwrap_or_else(|| json!("0")), json!(found.len().to_string()));
    Some(found)
}
