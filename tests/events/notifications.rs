//! The events of notifications.

use serde_json::json;

use super::{IDEMPOTENCY_KEY, Seeds};
use crate::notifications::steps::random_endpoint;
use crate::support::User;

const ENDPOINT: &str = "https://fcm.googleapis.com/fcm/send/dK3bT0pGx4s:APA91bG8Yw2nQ5";
const SUBSCRIPTION_ID: &str = "b41f0c9a7d2e48368f5a1c0e6d93b752";
const UNSUBSCRIBE_TOKEN: &str = "AZwy5HwoobLD1OX2SlOxXu9Y8PzKkq4WbN3cEw";

#[tokio::test]
async fn the_event_of_get_preferences_shows_them() {
    let user = User::sign_up().await;
    let answer = Seeds::of(&user).send("get-preferences").await;
    answer.is(200, json!({ "messages": { "email": true, "push": true } }));
}

#[tokio::test]
async fn the_event_of_set_preferences_ends_mail() {
    let user = User::sign_up().await;
    let answer = Seeds::of(&user).send("set-preferences").await;
    answer.is(200, json!({ "messages": { "email": false, "push": true } }));
    assert_eq!(user.preferences().await, json!({ "email": false, "push": true }));
}

#[tokio::test]
async fn the_event_of_create_push_subscription_makes_one() {
    let user = User::sign_up().await;
    let endpoint = random_endpoint();
    let seeds = Seeds::of(&user).put(ENDPOINT, &endpoint).put(IDEMPOTENCY_KEY, &user.id);
    let created = seeds.send("create-push-subscription").await.ok(201);
    assert_eq!((&created["endpoint"], &created["id"]), (&json!(endpoint), &json!(user.subscribed(&endpoint).await)));
}

#[tokio::test]
async fn the_event_of_delete_push_subscription_deletes_one() {
    let user = User::sign_up().await;
    let id = user.subscribed(&random_endpoint()).await;
    Seeds::of(&user).put(SUBSCRIPTION_ID, &id).send("delete-push-subscription").await.ok(200);
    user.unsubscribe_push(&id).send().await.ok(404);
}

#[tokio::test]
async fn the_event_of_get_vapid_key_shows_it() {
    let answer = Seeds::of(&User::sign_up().await).send("get-vapid-key").await.ok(200);
    assert_eq!(answer["key"].as_str().map(str::len), Some(87));
}

#[tokio::test]
async fn the_event_of_unsubscribe_ends_mail() {
    let user = User::sign_up().await;
    let seeds = Seeds::default().put(UNSUBSCRIBE_TOKEN, user.unsubscribe_query().await.trim_start_matches("token="));
    seeds.send("unsubscribe").await.ok(200);
    assert_eq!(user.preferences().await, json!({ "email": false, "push": true }));
}

#[tokio::test]
async fn the_event_of_confirm_unsubscribe_asks_and_changes_nothing() {
    let user = User::sign_up().await;
    let seeds = Seeds::default().put(UNSUBSCRIBE_TOKEN, user.unsubscribe_query().await.trim_start_matches("token="));
    let answer = seeds.for_a_page().send("confirm-unsubscribe").await;
    assert!(answer.status == 200 && answer.text().contains("<form method=\"post\">"), "{}", answer.text());
    assert_eq!(user.preferences().await, json!({ "email": true, "push": true }));
}
