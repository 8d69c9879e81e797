//! `GET /api/links/{slug}`

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{Client, Link, in_ms, random_slug};

#[tokio::test]
async fn anybody_sees_a_link_as_its_creation_showed_it_and_nothing_more() {
    let link = Link::with(json!({ "description": "About us", "pin": "open sesame", "maxMessages": 7 })).await;
    let answer = Client::new().get(&link.path()).send().await;
    answer.is(200, json!({ "link": link.created }));
    let fields: BTreeSet<_> = link.created.as_object().expect("an object").keys().map(String::as_str).collect();
    let documented = [
        "created_at",
        "description",
        "expires_at",
        "has_pin",
        "id",
        "is_active",
        "max_messages",
        "slug",
        "starts_at",
        "status",
        "title",
    ];
    assert_eq!(fields, documented.into());
}

#[tokio::test]
async fn a_link_that_is_not_there_is_not_found() {
    Client::new().get(&format!("/api/links/{}", random_slug())).send().await.refused(404, "Link not found");
}

#[tokio::test]
async fn what_can_not_be_a_slug_is_not_found() {
    let link = Link::open().await;
    let impossible = [
        format!("%20{}", link.slug),
        format!("{}%00", link.slug),
        format!("{}%23LINK", link.slug),
        "ab".to_owned(),
        "-abc".to_owned(),
        "abc-".to_owned(),
        "api".to_owned(),
        "s".repeat(51),
        "s".repeat(3000),
        "%E2%98%83%E2%98%83%E2%98%83".to_owned(),
    ];
    for slug in impossible {
        println!("{slug}");
        Client::new().get(&format!("/api/links/{slug}")).send().await.refused(404, "Link not found");
    }
}

#[tokio::test]
async fn a_link_is_found_written_to_and_managed_by_its_slug_in_either_case() {
    let link = Link::with(json!({ "pin": "1234" })).await;
    let path = format!("/api/links/{}", link.slug.to_uppercase());
    let token = link.token.to_uppercase();
    assert_eq!(Client::new().get(&path).send().await.ok(200)["link"], link.seen().await);

    let client = Client::new();
    for pin in ["wrong", "1234"] {
        let body = json!({ "content": "To capitals", "pin": pin });
        let status = if pin == "1234" { 201 } else { 401 };
        client.post(&format!("{path}/messages")).json(&body).send().await.ok(status);
    }
    let listed = Client::new().get(&format!("{path}/messages?token={token}")).bearer(&link.token).send().await.ok(200);
    let message = &listed["messages"][0];
    assert_eq!((&message["content"], &listed["link"]["slug"]), (&json!("To capitals"), &json!(link.slug)));
    let id = message["id"].as_str().expect("an id").to_uppercase();
    Client::new().delete(&format!("{path}/messages/{id}?token={token}")).send().await.ok(200);
    assert_eq!(link.count().await, 0);
    Client::new().patch(&format!("{path}?token={token}")).json(&json!({ "title": "y" })).send().await.ok(200);
    Client::new().delete(&format!("{path}?token={token}")).send().await.ok(200);
    Client::new().get(&format!("/api/links/{}", link.slug)).send().await.refused(404, "Link not found");
    let made = Client::new().post("/api/links").json(&json!({ "title": "x", "slug": "Capital-Slug" })).send().await;
    made.refused(400, "slug may only contain a-z, 0-9 and hyphens");
}

#[tokio::test]
async fn the_status_is_paused_before_expired_before_scheduled_before_active() {
    let link = Link::open().await;
    assert_eq!(link.seen().await["status"], "active");
    link.patched(json!({ "startsAt": in_ms(3_600_000) })).await;
    assert_eq!(link.seen().await["status"], "scheduled");
    link.patched(json!({ "isActive": false })).await;
    assert_eq!(link.seen().await["status"], "paused");
    link.patched(json!({ "startsAt": null, "expiresAt": in_ms(3_600_000) })).await;
    assert_eq!(link.seen().await["status"], "paused");
    link.patched(json!({ "isActive": true })).await;
    assert_eq!(link.seen().await["status"], "active");
    link.patched(json!({ "startsAt": in_ms(-60_000) })).await;
    assert_eq!(link.seen().await["status"], "active");
}

#[tokio::test]
async fn reading_needs_no_token_and_takes_no_notice_of_one() {
    let link = Link::open().await;
    for path in [link.owned(), format!("{}?token=wrong", link.path())] {
        Client::new().get(&path).bearer("nonsense").send().await.is(200, json!({ "link": link.created }));
    }
}

#[tokio::test]
async fn reading_is_not_limited_as_writing_is() {
    let (link, reader) = (Link::open().await, Client::new());
    for _ in 0..30 {
        reader.get(&link.path()).send().await.is(200, json!({ "link": link.created }));
    }
}
