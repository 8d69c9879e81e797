//! Preferences, subscriptions and unsubscribing.

use serde_json::json;

use super::Walk;
use crate::notifications::steps::{PREFERENCES, UNSUBSCRIBE, VAPID_KEY, browser, random_endpoint};
use crate::support::{Client, User, random_slug, text};

pub async fn walk(walk: &mut Walk<'_>) {
    let user = User::sign_up().await;
    walk.cost("get-preferences", &user.get(PREFERENCES).send().await).await;
    let body = json!({ "messages": { "push": true } });
    walk.cost("set-preferences", &user.patch(PREFERENCES).json(&body).send().await).await;
    walk.cost("get-vapid-key", &user.get(VAPID_KEY).send().await).await;

    let first = browser(&random_endpoint());
    walk.cost("create-push-subscription", &user.subscribe(&first).send().await).await;
    let renewed = user.subscribe(&first).send().await;
    walk.cost("create-push-subscription, renewed", &renewed).await;
    let keyed = browser(&random_endpoint());
    for row in ["create-push-subscription, with a key", "create-push-subscription, repeated"] {
        walk.cost(row, &user.subscribe(&keyed).key("key").send().await).await;
    }
    let somebody = User::sign_up().await;
    let (endpoint, taken) =
        (browser(&random_endpoint()), "create-push-subscription, of a browser that was another user's");
    somebody.subscribe(&endpoint).send().await.ok(201);
    walk.cost(taken, &user.subscribe(&endpoint).send().await).await;
    user.unsubscribe_push(text(&user.subscribe(&endpoint).send().await.json(), "id")).send().await.ok(200);
    let other = user.on_new_device().await;
    for _ in 0..18 {
        other.subscribed(&random_endpoint()).await;
    }
    let over = user.subscribe(&browser(&random_endpoint())).send().await;
    over.ok(422);
    walk.cost("create-push-subscription, the 21st", &over).await;
    user.delete(&format!("/api/auth/devices/{}", other.device)).send().await.ok(200);
    let instead = user.subscribe(&browser(&random_endpoint())).send().await;
    walk.cost("create-push-subscription, in the place of an unused one", &instead).await;
    let id = text(&renewed.json(), "id").to_owned();
    walk.cost("delete-push-subscription", &user.unsubscribe_push(&id).send().await).await;

    let path = format!("{UNSUBSCRIBE}?{}", user.unsubscribe_query().await);
    walk.cost("confirm-unsubscribe", &Client::new().get(&path).raw().await).await;
    walk.cost("unsubscribe", &Client::new().post(&path).send().await).await;
    walk.cost("unsubscribe, repeated", &Client::new().post(&path).send().await).await;

    let link = json!({ "title": "A link of a test", "slug": &random_slug()[..20], "notify": true });
    walk.cost("create-link, whose owner is told", &user.post("/api/links").json(&link).send().await).await;
    user.subscribe(&json!({})).send().await.ok(422);
    user.unsubscribe_push(&id).send().await.ok(404);
}
