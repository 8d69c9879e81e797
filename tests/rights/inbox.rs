//! Walks the branches of the functions of inboxes.

use serde_json::json;

use crate::support::{User, Visitor};

pub async fn scenario() {
    let (user, sender) = (User::sign_up().await, Visitor::new());
    let send = |content: &str| {
        sender.post("/api/send-message").json(&json!({
            "username": user.username, "content": content,
        }))
    };
    for _ in 0..2 {
        send("The same message twice").key("send").send().await.ok(201);
    }
    send("Too short").send().await.ok(400);
    let message = user.inbox().await.remove(0);
    let path = |what: &str| format!("/api/messages/{}/{what}", message["_id"].as_str().expect("an id"));
    user.post(&path("report")).send().await.ok(200);
    user.post(&path("block-sender")).send().await.ok(200);
    send("A message that vanishes").send().await.ok(201);
    send("Another that vanishes").key("vanishes").send().await.ok(201);
    for status in [201, 201, 429] {
        send("One message of many").send().await.ok(status);
    }

    for accepts in [false, true] {
        user.post("/api/accept-messages").json(&json!({ "acceptMessage": accepts })).send().await.ok(200);
        user.get("/api/accept-messages").send().await.ok(200);
        user.receive("A message of a test").await.ok(if accepts { 201 } else { 403 });
    }
    assert_eq!(user.inbox().await.len(), 2);
    let path = format!("/api/delete-message?messageId={}", message["_id"].as_str().expect("an id"));
    user.patch(&path).send().await.ok(201);
    user.delete(&path).send().await.ok(201);
    user.post("/api/accept-messages").json(&json!({ "acceptMessage": "yes" })).send().await.ok(400);
}
