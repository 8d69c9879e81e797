//! `POST /api/links/{slug}/messages`: accepted messages, and the order of errors.

use serde_json::{Value, json};

use crate::support::{Client, Link, in_ms, now, random_slug, time};

#[tokio::test]
async fn a_message_arrives_as_it_was_sent() {
    let link = Link::open().await;
    let before = now();
    let content = "  Thank you!\r\n\tنعم — 🦀 e\u{301}\u{202e} <b>&amp;</b> \"quoted\" \\ \u{7f}\u{feff}  ";
    link.send(content).await.is(201, json!({ "success": true }));
    let message = link.newest().await;
    assert_eq!(message["content"], content);
    let sent = time(&message["created_at"]);
    assert!(before - time::Duration::MILLISECOND <= sent && sent <= now(), "{sent}");
}

#[tokio::test]
async fn content_of_1000_emoji_is_accepted_and_of_1001_is_not() {
    let link = Link::open().await;
    let longest = "🦀".repeat(1000);
    link.send(&longest).await.is(201, json!({ "success": true }));
    link.send(&"🦀".repeat(1001)).await.refused(400, "content must be 1 to 1000 characters");
    assert_eq!(link.all().await.iter().map(|message| &message["content"]).collect::<Vec<_>>(), [&json!(longest)]);
}

#[tokio::test]
async fn content_that_breaks_its_rule_is_refused_and_nothing_is_stored() {
    let link = Link::open().await;
    let cases = [
        (json!({}), "content is required"),
        (json!({ "content": null }), "content must be text"),
        (json!({ "content": 5 }), "content must be text"),
        (json!({ "content": ["a", "b"] }), "content must be text"),
        (json!({ "content": { "text": "a" } }), "content must be text"),
        (json!({ "content": "" }), "content must be 1 to 1000 characters"),
        (json!({ "content": "a".repeat(1001) }), "content must be 1 to 1000 characters"),
        (json!({ "content": " \n\t\r\u{a0}\u{2028}\u{3000}" }), "content must not be blank"),
        (json!({ "content": "a\u{0}b" }), "content must not contain control characters"),
        (json!({ "content": "\u{8}x" }), "content must not contain control characters"),
        (json!({ "content": "x\u{b}" }), "content must not contain control characters"),
        (json!({ "content": "x\u{1f}" }), "content must not contain control characters"),
        (json!({ "content": "x", "pin": 4321 }), "pin must be text"),
    ];
    for (body, message) in cases {
        println!("{body}");
        link.send_as(&Client::new(), body).await.refused(400, message);
    }
    assert_eq!((link.all().await, link.count().await), (vec![], 0));
}

#[tokio::test]
async fn what_a_link_does_not_ask_for_is_not_looked_at() {
    let link = Link::open().await;
    let body = json!({ "content": "x", "pin": "no link of mine has one", "username": "somebody", "slug": "another" });
    link.send_as(&Client::new(), body).await.is(201, json!({ "success": true }));
    link.send_as(&Client::new(), json!({ "content": "x", "pin": null })).await.is(201, json!({ "success": true }));
}

#[tokio::test]
async fn sending_to_what_is_not_a_link_is_not_found() {
    let body = json!({ "content": "x" });
    for slug in [random_slug(), "AB-CD".to_owned(), "ab".to_owned(), "%00%00%00".to_owned(), "x".repeat(60)] {
        let path = format!("/api/links/{slug}/messages");
        Client::new().post(&path).json(&body).send().await.refused(404, "Link not found");
    }
}

/// Every possible error at once. The test removes the reasons one by one, in the documented order.
#[tokio::test]
async fn errors_are_reported_in_one_order() {
    let link = Link::with(json!({ "pin": "4321", "maxMessages": 1 })).await;
    let sender = Client::new();
    let good = json!({ "content": "x", "pin": "4321" });
    let send = |body: Value| link.send_as(&sender, body);
    send(good.clone()).await.is(201, json!({ "success": true }));
    let starts = in_ms(3_600_000);
    link.patched(json!({ "startsAt": starts, "isActive": false })).await;

    let path = link.messages();
    sender.post(&path).bytes("text/plain", "{").send().await.refused(415, "Content-Type must be application/json");
    sender.post(&path).bytes("application/json", "{").send().await.refused(400, "The body is not valid JSON");
    send(json!({ "content": "" })).await.refused(400, "content must be 1 to 1000 characters");
    let wrong = json!({ "content": "x", "pin": "9999" });
    send(wrong.clone()).await.refused(403, "This link is paused");
    link.patched(json!({ "isActive": true })).await;
    send(wrong.clone()).await.refused(403, &format!("This link opens at {starts}"));
    link.patched(json!({ "startsAt": null })).await;
    send(json!({ "content": "x" })).await.refused(401, "PIN required");
    send(wrong).await.refused(401, "Wrong PIN");
    send(good.clone()).await.refused(409, "This link is full");

    link.patched(json!({ "maxMessages": null })).await;
    for _ in 0..4 {
        send(good.clone()).await.is(201, json!({ "success": true }));
    }
    send(good.clone()).await.limited("link-messages", 5, 60);
    link.patched(json!({ "maxMessages": 5 })).await;
    send(good).await.refused(409, "This link is full");
    assert_eq!(link.count().await, 5);
}

#[tokio::test]
async fn bad_bodies_are_refused_before_the_link_is_looked_for() {
    let path = format!("/api/links/{}/messages", random_slug());
    let somebody = Client::new();
    somebody.post(&path).body("x").send().await.refused(415, "Content-Type must be application/json");
    somebody.post(&path).bytes("application/json", "[]").send().await.refused(400, "The body must be a JSON object");
    let blank = json!({ "content": " " });
    somebody.post(&path).json(&blank).send().await.refused(400, "content must not be blank");
    let large = vec![b' '; 64 * 1024 + 1];
    let answer = somebody.post(&path).bytes("application/json", large).send().await;
    answer.refused(413, "The body must not be larger than 64 KiB");
}

#[tokio::test]
async fn a_paused_link_takes_nothing_and_an_active_one_does() {
    let link = Link::open().await;
    assert_eq!(link.patched(json!({ "isActive": false })).await["status"], "paused");
    link.send("x").await.refused(403, "This link is paused");
    assert_eq!(link.patched(json!({ "isActive": true })).await["status"], "active");
    link.sent("x").await;
    assert_eq!(link.count().await, 1);
}
