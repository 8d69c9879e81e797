//! The events of anonymous links.

use serde_json::{Value, json};

use super::{IDEMPOTENCY_KEY, Seeds};
use crate::support::{Answer, Link, Visitor, random_slug};

const SLUG: &str = "team-feedback";
const ADMIN_TOKEN: &str = "3f9a1c5e7b2d4860a9c8e7f6051423324150f6e7d8c9babbacad9e8f70615243";
const MESSAGE_ID: &str = "0198c0df-1041-7a52-8b63-c4d5e6f70819";
const SHARE_TOKEN: &str = "AZjA3nobfD2eT1prfI2eDwGYwN8QQXpSi2PE1eb3CBleDJHXovNLhpLhwH07T6hW";

/// What there is for an event to be about: a link with a message.
struct Seeded {
    link: Link,
    message: Value,
}

impl Seeded {
    async fn new() -> Seeded {
        let link = Link::with(json!({ "title": "Seeded", "maxMessages": 5 })).await;
        let message = link.sent("Seeded").await;
        Seeded { link, message }
    }

    fn text(&self, field: &str) -> &str {
        self.message[field].as_str().expect("text")
    }

    async fn send(&self, function: &str) -> Answer {
        let seeds = Seeds::default().put(SLUG, &self.link.slug).put(ADMIN_TOKEN, &self.link.token);
        let seeds = seeds.put(MESSAGE_ID, self.text("id")).put(SHARE_TOKEN, self.text("share_token"));
        seeds.put(IDEMPOTENCY_KEY, &self.link.slug).send(function).await
    }
}

#[tokio::test]
async fn the_event_of_create_link_makes_a_link() {
    let mut seeded = Seeded::new().await;
    seeded.link.slug = random_slug();
    let answer = seeded.send("create-link").await.ok(201);
    let created = &answer["link"];
    assert_eq!((&created["slug"], &created["title"]), (&json!(seeded.link.slug), &json!("Team feedback")));
    assert_eq!(Link::from(&answer).seen().await, *created);
}

#[tokio::test]
async fn the_event_of_get_link_shows_a_link() {
    let seeded = Seeded::new().await;
    seeded.send("get-link").await.is(200, json!({ "link": seeded.link.created }));
}

#[tokio::test]
async fn the_event_of_update_link_changes_a_link() {
    let seeded = Seeded::new().await;
    let mut changed = seeded.link.created.clone();
    changed["title"] = json!("Team feedback, February");
    changed["max_messages"] = Value::Null;
    seeded.send("update-link").await.is(200, json!({ "link": changed }));
    assert_eq!(seeded.link.seen().await, changed);
}

#[tokio::test]
async fn the_event_of_delete_link_removes_a_link() {
    let seeded = Seeded::new().await;
    seeded.send("delete-link").await.is(200, json!({ "success": true }));
    Visitor::new().get(&seeded.link.path()).send().await.refused(404, "Link not found");
}

#[tokio::test]
async fn the_event_of_send_link_message_sends_a_message() {
    let seeded = Seeded::new().await;
    seeded.send("send-link-message").await.is(201, json!({ "success": true }));
    let newest = seeded.link.newest().await;
    assert_eq!(newest["content"], "The new stand-up time works well. Thank you!");
}

#[tokio::test]
async fn the_event_of_list_link_messages_shows_an_inbox() {
    let seeded = Seeded::new().await;
    let mut link = seeded.link.created.clone();
    link["message_count"] = json!(1);
    let page = json!({ "link": link, "messages": [seeded.message], "next_cursor": null });
    seeded.send("list-link-messages").await.is(200, page);
}

#[tokio::test]
async fn the_event_of_delete_link_message_removes_a_message() {
    let seeded = Seeded::new().await;
    seeded.send("delete-link-message").await.is(200, json!({ "success": true }));
    assert_eq!(seeded.link.count().await, 0);
}

#[tokio::test]
async fn the_event_of_get_shared_message_shows_a_message() {
    let seeded = Seeded::new().await;
    let message = json!({
        "content": "Seeded", "link_title": "Seeded", "created_at": seeded.message["created_at"], "card_url": null,
    });
    seeded.send("get-shared-message").await.is(200, json!({ "message": message }));
}

#[tokio::test]
async fn the_event_of_upload_card_stores_a_card() {
    let seeded = Seeded::new().await;
    let answer = seeded.send("upload-card").await.ok(201);
    assert_eq!(answer["filename"], format!("cards/{}.png", seeded.text("share_token")));
    let card = Visitor::fetch(answer["url"].as_str().expect("an address")).await;
    assert_eq!((card.status, card.header("content-type")), (200, Some("image/png")));
}
