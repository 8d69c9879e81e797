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
        link.slug.to_uppercase(),
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
