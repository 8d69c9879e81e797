//! Walks the branches of the functions of preferences, subscriptions and unsubscribing.

use serde_json::json;

use crate::notifications::steps::{PREFERENCES, UNSUBSCRIBE, VAPID_KEY, browser, random_endpoint};
use crate::support::{User, Visitor, random_slug, text};

pub async fn scenario() {
    let user = User::sign_up().await;
    user.get(PREFERENCES).send().await.ok(200);
    user.get(VAPID_KEY).send().await.ok(200);

    let endpoint = random_endpoint();
    for _ in 0..2 {
        user.subscribe(&browser(&endpoint)).key("key").send().await.ok(201);
    }
    user.subscribe(&json!({})).send().await.ok(422);
    let renewed = user.subscribe(&browser(&endpoint)).send().await.ok(201);
    let other = user.on_new_device().await;
    for _ in 0..19 {
        other.subscribed(&random_endpoint()).await;
    }
    user.subscribe(&browser(&random_endpoint())).send().await.ok(422);
    other.post("/api/auth/sign-out").send().await.ok(200);
    user.subscribed(&random_endpoint()).await;
    for status in [200, 404] {
        user.unsubscribe_push(text(&renewed, "id")).send().await.ok(status);
    }

    let path = format!("{UNSUBSCRIBE}?{}", user.unsubscribe_query().await);
    assert_eq!(Visitor::new().get(&path).raw().await.status, 200);
    for _ in 0..2 {
        Visitor::new().post(&path).send().await.ok(200);
    }
    user.patch(PREFERENCES).json(&json!({ "messages": { "email": true } })).send().await.ok(200);

    let link = json!({ "title": "x", "slug": random_slug(), "notify": true });
    for _ in 0..2 {
        user.post("/api/links").json(&link).key("key").send().await.ok(201);
    }
}
