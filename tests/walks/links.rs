//! Links.

use serde_json::json;

use super::Walk;
use crate::support::png::{other_picture, picture};
use crate::support::{Client, FaultyStack, Link, Upload, in_ms, random_slug, store_old_messages, upload};

pub async fn walk(walk: &mut Walk<'_>) {
    // As long as people make them.
    let body = || json!({ "title": "A link of a test", "slug": &random_slug()[..20] });
    walk.cost("create-link", &Client::new().post("/api/links").json(&body()).send().await).await;
    // The key is scoped to the client, as the answer holds a secret.
    let (body, creator) = (body(), Client::new());
    for row in ["create-link, with a key", "create-link, repeated"] {
        let created = creator.post("/api/links").key("key").json(&body).send().await;
        created.ok(201);
        walk.cost(row, &created).await;
    }
    let link = Link::open().await;
    walk.cost("get-link", &Client::new().get(&link.path()).send().await).await;
    walk.cost("update-link", &link.patch(json!({ "title": "Another title" })).await).await;

    let rows = [
        ("send-link-message", json!({}), None),
        ("send-link-message, with a key", json!({}), Some("key")),
        ("send-link-message, capped", json!({ "maxMessages": 9 }), None),
        ("send-link-message, capped, with a key", json!({ "maxMessages": 9 }), Some("key")),
        // Without a cap the link is read again while the try is taken back: now in one round trip with it, now in another.
        ("send-link-message, capped, with a PIN", json!({ "maxMessages": 9, "pin": "4321" }), None),
    ];
    for (row, fields, key) in rows {
        let has_pin = fields.get("pin").is_some();
        let (link, sender) = (Link::with(fields).await, Client::new());
        let send = |pin: &str| {
            let body = if has_pin { json!({ "content": "x", "pin": pin }) } else { json!({ "content": "x" }) };
            let call = sender.post(&link.messages()).json(&body);
            key.into_iter().fold(call, |call, key| call.key(key)).send()
        };
        walk.cost(row, &send("4321").await).await;
        match row {
            "send-link-message, with a key" => {
                walk.cost("send-link-message, repeated", &send("4321").await).await;
            }
            "send-link-message, capped, with a PIN" => {
                walk.cost("send-link-message, wrong PIN", &send("9999").await).await;
            }
            _ => {}
        }
    }

    let message = link.sent("A message of a test").await;
    walk.cost("list-link-messages, one page in all", &Client::new().get(&link.inbox()).send().await).await;
    let share_token = message["share_token"].as_str().expect("a share token");
    let shared = Client::new().get(&format!("/api/messages/{share_token}")).send().await;
    walk.cost("get-shared-message", &shared).await;
    walk.cost("upload-card", &Upload::of(&picture(), share_token).send().await).await;
    let id = message["id"].as_str().expect("an id");
    walk.cost("delete-link-message", &Client::new().delete(&link.message(id)).send().await).await;
    walk.cost("delete-link, no messages", &Client::new().delete(&link.owned()).send().await).await;
    let link = Link::open().await;
    link.sent("A message of a test").await;
    walk.cost("delete-link, one message", &Client::new().delete(&link.owned()).send().await).await;
    branches().await;
    meetings(walk.stack).await;
}

async fn branches() {
    let somebody = Client::new();
    somebody.post("/api/links").json(&json!({ "title": "" })).send().await.ok(400);

    let open = Link::open().await;
    Client::new().post("/api/links").json(&json!({ "title": "x", "slug": open.slug })).send().await.ok(409);
    let (first, second) = (open.sent("1").await, open.sent("2").await);
    Client::new().delete(&open.message(first["id"].as_str().expect("an id"))).send().await.ok(200);
    Client::new().delete(&open.message(first["id"].as_str().expect("an id"))).send().await.ok(404);

    // A cap that is set on a link with messages has to be counted; one that was always there is not.
    open.patched(json!({ "maxMessages": 3 })).await;
    open.sent("3").await;
    open.patched(json!({ "title": "y", "expiresAt": in_ms(600_000), "pin": "4321" })).await;
    open.patch(json!({ "startsAt": in_ms(900_000) })).await.ok(400);
    for (key, pin, status) in [(None, "4321", 201), (Some("a"), "4321", 409), (None, "9999", 401)] {
        let call = Client::new().post(&open.messages()).json(&json!({ "content": "x", "pin": pin }));
        let call = if let Some(key) = key { call.key(key) } else { call };
        call.send().await.ok(status);
    }
    open.patched(json!({ "maxMessages": null })).await;
    let repeated = || Client::new().post(&open.messages()).key("b").json(&json!({ "content": "x", "pin": "4321" }));
    repeated().send().await.ok(201);
    repeated().send().await.ok(201);
    open.patched(json!({ "isActive": false })).await;
    repeated().send().await;

    let share_token = second["share_token"].as_str().expect("a share token");
    Client::new().get(&format!("/api/messages/{share_token}")).send().await.ok(200);
    let form = Upload::of(&picture(), share_token);
    for _ in 0..2 {
        form.call(&somebody, "").key("card").send().await.ok(201);
    }
    upload(&other_picture(), share_token).await.ok(409);
    let owned = format!("?token={}", open.token);
    Upload::of(&other_picture(), share_token).call(&somebody, &owned).send().await.ok(201);
    Client::new().get(&format!("/api/messages/{share_token}")).send().await.ok(200);
    open.all_by(1).await;

    let doomed = Link::with(json!({ "maxMessages": 40 })).await;
    for n in 0..30 {
        doomed.send(&n.to_string()).await.ok(201);
    }
    let newest = doomed.newest().await;
    upload(&picture(), newest["share_token"].as_str().expect("a share token")).await.ok(201);
    Client::new().delete(&doomed.owned()).send().await.ok(200);
    doomed.send("x").await.ok(404);
}

/// What only happens when two requests meet, or when an answer is lost on its way.
async fn meetings(stack: &FaultyStack) {
    let link = Link::open().await;
    let message = link.sent("x").await;
    let lost = stack.s3.when(|call| call.is("PUT", "/cards/")).lose_the_answer(1);
    upload(&picture(), message["share_token"].as_str().expect("a share token")).await.ok(201);
    lost.over().await;

    let message = link.sent("y").await;
    let deleted = link.message(message["id"].as_str().expect("an id"));
    let deletion = stack.s3.when(|call| call.is("PUT", "/cards/")).first(async move {
        Client::new().delete(&deleted).send().await.ok(200);
    });
    let late = upload(&picture(), message["share_token"].as_str().expect("a share token")).await;
    late.refused(404, "Message not found");
    deletion.over().await;

    // Enough to be worth counting once and for all.
    store_old_messages(&stack.stack, &link, 600).await;
    assert_eq!(link.count().await, 601);

    let capped = link.clone();
    let cap = stack.dynamodb.when(|call| call.asks("PutItem", "overtaken")).first(async move {
        capped.patched(json!({ "maxMessages": 601 })).await;
    });
    link.send("overtaken").await.refused(409, "This link is full");
    cap.over().await;
}
