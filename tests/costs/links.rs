//! What requests to links cost.

use serde_json::json;

use super::Costs;
use crate::support::png::picture;
use crate::support::{Link, Upload, Visitor, random_slug};

pub async fn measure(costs: &mut Costs<'_>) {
    // As long as people make them.
    let body = || json!({ "title": "A link of a test", "slug": &random_slug()[..20] });
    costs.add("create-link", &Visitor::new().post("/api/links").json(&body()).send().await).await;
    let body = body();
    for row in ["create-link, with a key", "create-link, repeated"] {
        costs.add(row, &Visitor::new().post("/api/links").key("key").json(&body).send().await).await;
    }
    let link = Link::open().await;
    costs.add("get-link", &Visitor::new().get(&link.path()).send().await).await;
    costs.add("update-link", &link.patch(json!({ "title": "Another title" })).await).await;

    let rows = [
        ("send-link-message", json!({}), None),
        ("send-link-message, with a key", json!({}), Some("key")),
        ("send-link-message, capped", json!({ "maxMessages": 9 }), None),
        ("send-link-message, capped, with a key", json!({ "maxMessages": 9 }), Some("key")),
        // Without a cap the link is read again while the try is taken back: now in one round trip with it, now in another.
        ("send-link-message, capped, with a PIN", json!({ "maxMessages": 9, "pin": "4321" }), None),
    ];
    for (row, fields, key) in rows {
        let (link, sender) = (Link::with(fields).await, Visitor::new());
        let send = |pin: &str| {
            let call = sender.post(&link.messages()).json(&json!({ "content": "x", "pin": pin }));
            key.into_iter().fold(call, |call, key| call.key(key)).send()
        };
        costs.add(row, &send("4321").await).await;
        match row {
            "send-link-message, with a key" => {
                costs.add("send-link-message, repeated", &send("4321").await).await;
            }
            "send-link-message, capped, with a PIN" => {
                costs.add("send-link-message, wrong PIN", &send("9999").await).await;
            }
            _ => {}
        }
    }

    let message = link.sent("A message of a test").await;
    costs.add("list-link-messages, one page in all", &Visitor::new().get(&link.inbox()).send().await).await;
    let share_token = message["share_token"].as_str().expect("a share token");
    let shared = Visitor::new().get(&format!("/api/messages/{share_token}")).send().await;
    costs.add("get-shared-message", &shared).await;
    costs.add("upload-card", &Upload::of(&picture(), share_token).send().await).await;
    let id = message["id"].as_str().expect("an id");
    costs.add("delete-link-message", &Visitor::new().delete(&link.message(id)).send().await).await;
    costs.add("delete-link, no messages", &Visitor::new().delete(&link.owned()).send().await).await;
    let link = Link::open().await;
    link.sent("A message of a test").await;
    costs.add("delete-link, one message", &Visitor::new().delete(&link.owned()).send().await).await;
}
