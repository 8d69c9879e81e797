//! Limits of sends and of new links.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Answer, Client, Link, all_at_once, eventually, in_ms, random_slug, time, wait_until_accepted};

const MESSAGES: (&str, u64, u64) = ("link-messages", 5, 60);
const LINKS: (&str, u64, u64) = ("links", 10, 3600);

#[track_caller]
fn limited(answer: &Answer, (name, quota, window): (&str, u64, u64)) -> u64 {
    answer.limited(name, quota, window)
}

fn sent(answer: &Answer) {
    answer.is(201, json!({ "success": true }));
}

async fn send(link: &Link, sender: &Client) -> Answer {
    link.send_as(sender, json!({ "content": "x" })).await
}

async fn create(creator: &Client) -> Answer {
    creator.post("/api/links").json(&json!({ "title": "x" })).send().await
}

#[tokio::test]
async fn of_40_messages_at_once_from_one_address_exactly_5_are_accepted() {
    let (link, sender) = (Link::open().await, Client::new());
    let sends = (0..40).map(|_| {
        let (link, sender) = (link.clone(), sender.clone());
        async move { send(&link, &sender).await }
    });
    let answers = all_at_once(sends).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((accepted.len(), refused.len()), (5, 35));
    accepted.into_iter().for_each(sent);
    for answer in refused {
        limited(answer, MESSAGES);
    }
    assert_eq!(link.count().await, 5);
    sent(&send(&link, &Client::new()).await);
    limited(&send(&link, &sender).await, MESSAGES);
}

/// Waits for real time: the window slides, so each hit expires 60 seconds after it was made.
#[tokio::test]
async fn after_retry_after_one_is_accepted_again_and_never_6_in_any_60_seconds() {
    let (link, sender) = (Link::open().await, Client::new());
    let first = Instant::now();
    sent(&send(&link, &sender).await);
    eventually("three seconds later", Duration::from_secs(4), async || (first.elapsed().as_secs() >= 3).then_some(()))
        .await;
    sent(&send(&link, &sender).await);
    let between = first.elapsed().as_secs();
    for _ in 0..3 {
        sent(&send(&link, &sender).await);
    }
    let wait = limited(&send(&link, &sender).await, MESSAGES);
    let left = 60 - first.elapsed().as_secs();
    assert!((left - 1..=left + 2).contains(&wait), "told to wait {wait} seconds of {left}");

    let accepted_at = wait_until_accepted(wait, || send(&link, &sender), |answer| _ = limited(answer, MESSAGES)).await;
    assert!(accepted_at.duration_since(first) > Duration::from_secs(59));
    let rest = limited(&send(&link, &sender).await, MESSAGES);
    assert!(rest <= between + 2, "the next place comes back {between} seconds later, not in {rest}");

    let messages = link.all().await;
    assert_eq!(messages.len(), 6);
    let between = time(&messages[0]["created_at"]) - time(&messages[5]["created_at"]);
    assert!(between >= time::Duration::MINUTE, "six messages within {between}");
}

#[tokio::test]
async fn headers_that_a_caller_can_set_change_nothing() {
    let (link, sender) = (Link::open().await, Client::new());
    let headers = ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"];
    let mut answers = Vec::new();
    for n in 0..8 {
        let other = format!("203.0.113.{n}");
        let mut call = sender.post(&link.messages()).json(&json!({ "content": "x" }));
        for name in headers {
            call = call.header(name, &if name == "Forwarded" { format!("for={other}") } else { other.clone() });
        }
        answers.push(call.send().await);
    }
    answers[..5].iter().for_each(sent);
    for answer in &answers[5..] {
        limited(answer, MESSAGES);
    }
}

#[tokio::test]
async fn the_limit_is_per_link_and_per_address() {
    let (link, other, sender) = (Link::open().await, Link::open().await, Client::new());
    for _ in 0..5 {
        sent(&send(&link, &sender).await);
    }
    limited(&send(&link, &sender).await, MESSAGES);
    sent(&send(&other, &sender).await);
    sent(&send(&link, &Client::new()).await);
}

#[tokio::test]
async fn ipv6_addresses_of_one_64_are_one_client() {
    let link = Link::open().await;
    let network = format!("2001:db8:{:x}:{:x}", rand16(), rand16());
    for n in 0..5 {
        sent(&send(&link, &Client::at(&format!("{network}:{n}::1"))).await);
    }
    limited(&send(&link, &Client::at(&format!("{network}:ffff:ffff:ffff:ffff"))).await, MESSAGES);
    let neighbour = format!("2001:db9:{:x}:{:x}::1", rand16(), rand16());
    sent(&send(&link, &Client::at(&neighbour)).await);
}

fn rand16() -> u16 {
    uuid::Uuid::new_v4().as_u128() as u16
}

#[tokio::test]
async fn what_is_refused_takes_nothing_from_the_limit() {
    let link = Link::with(json!({ "pin": "4321", "maxMessages": 5 })).await;
    let sender = Client::new();
    for _ in 0..6 {
        link.send_as(&sender, json!({ "content": "" })).await.refused(400, "content must be 1 to 1000 characters");
        link.send_as(&sender, json!({ "content": "x" })).await.refused(401, "PIN required");
    }
    let wrong = json!({ "content": "x", "pin": "wrong" });
    link.send_as(&sender, wrong).await.refused(401, "Wrong PIN");
    link.patched(json!({ "isActive": false })).await;
    for _ in 0..6 {
        send(&link, &sender).await.refused(403, "This link is paused");
    }
    link.patched(json!({ "isActive": true, "startsAt": in_ms(60_000) })).await;
    for _ in 0..6 {
        assert_eq!(send(&link, &sender).await.status, 403);
    }
    link.patched(json!({ "startsAt": null, "maxMessages": 1 })).await;
    let right = json!({ "content": "x", "pin": "4321" });
    sent(&link.send_as(&sender, right.clone()).await);
    for _ in 0..6 {
        link.send_as(&sender, right.clone()).await.refused(409, "This link is full");
    }
    link.patched(json!({ "maxMessages": null })).await;
    for _ in 0..4 {
        sent(&link.send_as(&sender, right.clone()).await);
    }
    limited(&link.send_as(&sender, right).await, MESSAGES);
}

#[tokio::test]
async fn every_accepted_message_tells_what_remains() {
    let (link, sender) = (Link::open().await, Client::new());
    for left in (0..5).rev() {
        let answer = send(&link, &sender).await;
        sent(&answer);
        let (remaining, reset) = answer.quota("link-messages", 5, 60);
        assert_eq!(remaining, left);
        assert!((1..=61).contains(&reset), "t={reset}");
        assert_eq!(answer.header("retry-after"), None);
    }
    limited(&send(&link, &sender).await, MESSAGES);
}

#[tokio::test]
async fn the_11th_link_of_an_hour_is_refused_and_only_links_that_were_made_count() {
    let (creator, taken) = (Client::new(), Link::open().await);
    for left in (0..10).rev() {
        let invalid = creator.post("/api/links").json(&json!({ "title": "" })).send().await;
        invalid.refused(400, "title must be 1 to 100 characters");
        let twice = creator.post("/api/links").json(&json!({ "title": "x", "slug": taken.slug })).send().await;
        twice.refused(409, "This slug is already taken");
        let answer = create(&creator).await;
        answer.ok(201);
        let (remaining, reset) = answer.quota("links", 10, 3600);
        assert_eq!(remaining, left);
        assert!((1..=3601).contains(&reset), "t={reset}");
    }
    let slug = random_slug();
    let refused = creator.post("/api/links").json(&json!({ "title": "x", "slug": slug })).send().await;
    assert!(limited(&refused, LINKS) > 3500);
    Client::new().get(&format!("/api/links/{slug}")).send().await.refused(404, "Link not found");
    let elsewhere = Client::new().post("/api/links").json(&json!({ "title": "x", "slug": slug })).send().await;
    elsewhere.ok(201);
}

#[tokio::test]
async fn of_30_links_at_once_from_one_address_exactly_10_are_made() {
    let creator = Client::new();
    let creations = (0..30).map(|_| {
        let creator = creator.clone();
        async move { create(&creator).await }
    });
    let answers = all_at_once(creations).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (10, 20));
    for answer in refused {
        limited(answer, LINKS);
    }
}
