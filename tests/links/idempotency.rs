//! `Idempotency-Key` of links and their messages: a replay is not done again.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::png::{other_picture, picture};
use crate::support::{Answer, Client, Link, Upload, all_at_once, random_slug};

const ANOTHER: &str = "This Idempotency-Key was already used for another request";

fn key() -> String {
    Uuid::new_v4().to_string()
}

async fn send(link: &Link, sender: &Client, key: &str, body: Value) -> Answer {
    sender.post(&link.messages()).key(key).json(&body).send().await
}

fn sent(answer: &Answer) {
    answer.is(201, json!({ "success": true }));
}

/// Asserts that all answers have the same status and exactly the same body.
#[track_caller]
fn all_equal(answers: &[Answer]) {
    for answer in answers {
        assert_eq!((answer.status, answer.text()), (answers[0].status, answers[0].text()));
    }
}

#[tokio::test]
async fn the_same_message_50_times_at_once_is_stored_once_and_answered_50_times_alike() {
    let (link, sender, key) = (Link::open().await, Client::new(), key());
    let sends = (0..50).map(|_| {
        let (link, sender, key) = (link.clone(), sender.clone(), key.clone());
        async move { send(&link, &sender, &key, json!({ "content": "Once" })).await }
    });
    let answers = all_at_once(sends).await;
    sent(&answers[0]);
    all_equal(&answers);
    assert_eq!((link.all().await.len(), link.count().await), (1, 1));

    // The fifty requests count as one of the sender's five messages.
    for _ in 0..4 {
        sent(&link.send_as(&sender, json!({ "content": "x" })).await);
    }
    link.send_as(&sender, json!({ "content": "x" })).await.limited("link-messages", 5, 60);
}

#[tokio::test]
async fn a_sender_may_come_back_from_other_addresses() {
    let (link, key) = (Link::with(json!({ "maxMessages": 10 })).await, key());
    let sends = (0..50).map(|_| {
        let (link, key) = (link.clone(), key.clone());
        async move { send(&link, &Client::new(), &key, json!({ "content": "Once" })).await }
    });
    let answers = all_at_once(sends).await;
    sent(&answers[0]);
    all_equal(&answers);
    assert_eq!((link.all().await.len(), link.count().await), (1, 1));
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let (link, sender, key) = (Link::open().await, Client::new(), key());
    sent(&send(&link, &sender, &key, json!({ "content": "One" })).await);
    send(&link, &sender, &key, json!({ "content": "Two" })).await.refused(422, ANOTHER);
    send(&link, &Client::new(), &key, json!({ "content": "one" })).await.refused(422, ANOTHER);
    sent(&send(&link, &sender, &key, json!({ "content": "One" })).await);
    assert_eq!(link.all().await.len(), 1);
}

#[tokio::test]
async fn of_two_bodies_that_race_with_one_key_one_is_stored() {
    let (link, key) = (Link::open().await, key());
    let sends = (0..20).map(|n| {
        let (link, key) = (link.clone(), key.clone());
        async move { send(&link, &Client::new(), &key, json!({ "content": format!("Body {}", n % 2) })).await }
    });
    let answers = all_at_once(sends).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((done.len(), refused.len()), (10, 10));
    done.into_iter().for_each(sent);
    refused.iter().for_each(|answer| answer.refused(422, ANOTHER));
    assert_eq!(link.count().await, 1);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_where_a_new_message_would_be_refused() {
    let (link, sender, key) = (Link::with(json!({ "maxMessages": 5 })).await, Client::new(), key());
    let body = json!({ "content": "First" });
    let first = send(&link, &sender, &key, body.clone()).await;
    sent(&first);
    for _ in 0..4 {
        sent(&link.send_as(&sender, json!({ "content": "x" })).await);
    }
    link.send_as(&sender, json!({ "content": "x" })).await.refused(409, "This link is full");
    all_equal(&[first.clone(), send(&link, &sender, &key, body.clone()).await]);
    link.patched(json!({ "maxMessages": null })).await;
    link.send_as(&sender, json!({ "content": "x" })).await.limited("link-messages", 5, 60);
    all_equal(&[first, send(&link, &sender, &key, body).await]);
    assert_eq!(link.count().await, 5);
}

#[tokio::test]
async fn a_refused_message_may_be_sent_again_with_its_key() {
    let (link, sender, key) = (Link::open().await, Client::new(), key());
    let body = json!({ "content": "x" });
    link.patched(json!({ "isActive": false })).await;
    send(&link, &sender, &key, body.clone()).await.refused(403, "This link is paused");
    link.patched(json!({ "isActive": true, "maxMessages": 1 })).await;
    let only = link.sent("In the only place").await;
    send(&link, &sender, &key, body.clone()).await.refused(409, "This link is full");
    Client::new().delete(&link.message(only["id"].as_str().expect("an id"))).send().await.ok(200);
    sent(&send(&link, &sender, &key, body).await);
    assert_eq!(link.newest().await["content"], "x");
}

#[tokio::test]
async fn one_key_may_be_used_for_different_targets() {
    let (link, other, sender, key) = (Link::open().await, Link::open().await, Client::new(), key());
    sent(&send(&link, &sender, &key, json!({ "content": "Here" })).await);
    sent(&send(&other, &sender, &key, json!({ "content": "There" })).await);
    sender.post("/api/links").key(&key).json(&json!({ "title": "x" })).send().await.ok(201);
    assert_eq!(
        (link.newest().await["content"].take(), other.newest().await["content"].take()),
        ("Here".into(), "There".into())
    );
}

#[tokio::test]
async fn messages_without_a_key_are_all_stored() {
    let link = Link::open().await;
    for _ in 0..3 {
        link.sent("Again").await;
    }
    assert_eq!(link.count().await, 3);
}

#[tokio::test]
async fn the_same_link_20_times_at_once_is_made_once_and_every_answer_has_the_same_token() {
    let (creator, key) = (Client::new(), key());
    let body = json!({ "title": "Once", "pin": "4321", "maxMessages": 3 });
    let creations = (0..20).map(|_| {
        let call = creator.post("/api/links").key(&key).json(&body);
        async move { call.send().await }
    });
    let answers = all_at_once(creations).await;
    let link = Link::from(&answers[0].ok(201));
    all_equal(&answers);
    assert_eq!(link.seen().await, link.created);
    assert_eq!(link.count().await, 0);
    // The answer holds a secret: for another client it is another key.
    let elsewhere = Client::new().post("/api/links").key(&key).json(&body).send().await;
    assert_ne!(Link::from(&elsewhere.ok(201)).token, link.token);
    let other = json!({ "title": "Twice", "pin": "4321", "maxMessages": 3 });
    creator.post("/api/links").key(&key).json(&other).send().await.refused(422, ANOTHER);
}

#[tokio::test]
async fn a_repeated_creation_is_not_told_that_its_slug_is_taken_and_takes_nothing_from_the_limit() {
    let (creator, key, slug) = (Client::new(), key(), random_slug());
    let body = json!({ "title": "x", "slug": slug });
    let create = || creator.post("/api/links").key(&key).json(&body).send();
    let first = create().await;
    first.ok(201);
    for _ in 0..12 {
        all_equal(&[first.clone(), create().await]);
    }
    let next = creator.post("/api/links").json(&json!({ "title": "x" })).send().await;
    next.ok(201);
    assert_eq!(next.quota("links", 10, 3600).0, 8);
    creator.post("/api/links").json(&body).send().await.refused(409, "This slug is already taken");
}

#[tokio::test]
async fn the_same_card_10_times_at_once_is_stored_once_and_answered_alike() {
    let link = Link::open().await;
    let (message, key) = (link.sent("x").await, key());
    let share_token = message["share_token"].as_str().expect("a share token");
    let form = Upload::of(&picture(), share_token);
    let uploads = (0..10).map(|_| form.call(&Client::new(), "").key(&key).send());
    let answers = all_at_once(uploads).await;
    answers[0].ok(201);
    all_equal(&answers);
    form.send().await.refused(409, "This message already has a card");
    let other = Upload::of(&other_picture(), share_token);
    other.call(&Client::new(), "").key(&key).send().await.refused(422, ANOTHER);
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_ascii_characters() {
    let link = Link::open().await;
    let body = json!({ "content": "x" });
    let longest = "k".repeat(255);
    sent(&send(&link, &Client::new(), &longest, body.clone()).await);
    let visible: String = ('!'..='~').collect();
    sent(&send(&link, &Client::new(), &visible, body.clone()).await);
    let message = "Idempotency-Key must be 1 to 255 visible ASCII characters";
    for bad in ["", &"k".repeat(256), "two words", "clé", "tab\there"] {
        println!("{bad:?}");
        send(&link, &Client::new(), bad, body.clone()).await.refused(400, message);
        let create = Client::new().post("/api/links").key(bad).json(&json!({ "title": "x" }));
        create.send().await.refused(400, message);
    }
    assert_eq!(link.count().await, 2);
}
