//! Inboxes.

use serde_json::{Value, json};

use super::Walk;
use crate::support::{Answer, Client, User};

async fn send(sender: &Client, to: &User, key: Option<&str>) -> Answer {
    let body = json!({ "username": to.username, "content": "A message of a test" });
    let call = sender.post("/api/send-message").json(&body);
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

pub async fn walk(walk: &mut Walk<'_>) {
    let (user, sender) = (User::sign_up().await, Client::new());
    let plain = walk.cost("send-inbox-message", &send(&sender, &user, None).await).await;
    // Issue 3: what a send costs at most.
    assert!(plain.round_trips <= 2 && plain.write_units <= 3.0, "{plain:?}");
    let keyed = walk.cost("send-inbox-message, with a key", &send(&sender, &user, Some("key")).await).await;
    walk.cost("send-inbox-message, repeated", &send(&sender, &user, Some("key")).await).await;
    let nobody = User { username: "nobody_of_this_name".to_owned(), ..user.clone() };
    walk.cost("send-inbox-message, refused", &send(&sender, &nobody, None).await).await;

    let message = user.inbox().await.remove(0);
    let path = |what: &str| format!("/api/messages/{}/{what}", message["_id"].as_str().expect("an id"));
    walk.cost("report-inbox-message", &user.post(&path("report")).send().await).await;
    walk.cost("block-inbox-sender", &user.post(&path("block-sender")).send().await).await;
    let blocked = walk.cost("send-inbox-message, blocked", &send(&sender, &user, None).await).await;
    assert_eq!(blocked, plain, "a blocked sender's messages cost something else");
    let blocked = walk.cost("send-inbox-message, blocked, with a key", &send(&sender, &user, Some("k2")).await).await;
    assert_eq!(blocked, keyed, "a blocked sender's messages cost something else");
    walk.cost("get-acceptance", &user.get("/api/accept-messages").send().await).await;
    let closed = user.post("/api/accept-messages").json(&json!({ "acceptMessage": false })).send().await;
    walk.cost("set-acceptance", &closed).await;
    let user = User::sign_up().await;
    walk.cost("list-inbox-messages, no messages", &user.get("/api/get-messages").send().await).await;
    walk.stack.fill_inbox(&user.id, 100).await;
    let page = user.get("/api/get-messages").send().await;
    walk.cost("list-inbox-messages, 100 messages", &page).await;
    let page: Value = page.ok(200);
    let path = format!("/api/delete-message?messageId={}", page["messages"][0]["_id"].as_str().expect("an id"));
    walk.cost("delete-inbox-message, of 100 messages", &user.delete(&path).send().await).await;

    // A send costs the same however many messages are there.
    let crowded = send(&Client::new(), &user, None).await;
    let cost = walk.cost("send-inbox-message, to 100 messages", &crowded).await;
    assert_eq!(cost, plain);
    branches().await;
}

async fn branches() {
    let (user, sender) = (User::sign_up().await, Client::new());
    let send = |content: &str| {
        sender.post("/api/send-message").json(&json!({
            "username": user.username, "content": content,
        }))
    };
    send("Too short").send().await.ok(400);
    for status in [201, 201, 201, 201, 201, 429] {
        send("One message of many").send().await.ok(status);
    }
    for accepts in [false, true] {
        user.post("/api/accept-messages").json(&json!({ "acceptMessage": accepts })).send().await.ok(200);
        user.receive("A message of a test").await.ok(if accepts { 201 } else { 403 });
    }
    let message = user.inbox().await.remove(0);
    let path = format!("/api/delete-message?messageId={}", message["_id"].as_str().expect("an id"));
    user.patch(&path).send().await.ok(201);
    user.post("/api/accept-messages").json(&json!({ "acceptMessage": "yes" })).send().await.ok(400);
}
