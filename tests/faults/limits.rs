//! Rate limits while the store fails: messages are accepted without a limit, PINs are refused.

use serde_json::json;

use super::{assert_internal_error, send, sent};
use crate::support::{ALWAYS, Client, FaultyStack, Link, StoreCall};

#[tokio::test]
async fn while_only_the_limit_can_not_be_read_messages_pass_uncounted() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (Link::open().await, Client::new());
    for n in 0..5 {
        sent(&send(&link, &sender, &n.to_string(), None).await);
    }
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#link-messages#")).answer(500, ALWAYS);
    let uncounted = send(&link, &sender, "Uncounted", None).await;
    down.over().await;
    sent(&uncounted);
    assert_eq!((uncounted.header("ratelimit"), uncounted.header("ratelimit-policy")), (None, None));
    send(&link, &sender, "x", None).await.limited("link-messages", 5, 60);
    assert_eq!(link.count().await, 6);
    stack.stop().await;
}

#[tokio::test]
async fn while_only_the_limit_can_not_be_read_links_are_made_uncounted() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#links#")).answer(503, ALWAYS);
    let creator = Client::new();
    let uncounted = creator.post("/api/links").json(&json!({ "title": "x" })).send().await;
    down.over().await;
    let link = Link::from(&uncounted.ok(201));
    assert_eq!(uncounted.header("ratelimit"), None);
    assert_eq!(link.seen().await, link.created);
    let counted = creator.post("/api/links").json(&json!({ "title": "x" })).send().await;
    counted.ok(201);
    assert_eq!(counted.quota("links", 10, 3600).0, 9);
    stack.stop().await;
}

#[tokio::test]
async fn while_attempts_can_not_be_counted_even_the_right_pin_is_refused() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::with(json!({ "pin": "4321" })).await;
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#pins#")).answer(500, ALWAYS);
    for pin in ["4321", "9999"] {
        let answer = link.send_as(&Client::new(), json!({ "content": "Let me in", "pin": pin })).await;
        assert_internal_error(&stack, &answer, &["Let me in", pin]).await;
    }
    down.over().await;
    assert_eq!(link.count().await, 0);
    sent(&link.send_as(&Client::new(), json!({ "content": "Let me in", "pin": "4321" })).await);
    stack.stop().await;
}

#[tokio::test]
async fn an_attempt_at_a_pin_whose_count_loses_its_answer_counts_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (Link::with(json!({ "pin": "4321" })).await, Client::new());
    let wrong = || link.send_as(&sender, json!({ "content": "x", "pin": "9999" }));
    let lost = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#pins#")).lose_the_answer(1);
    wrong().await.refused(401, "Wrong PIN");
    lost.over().await;
    for _ in 0..9 {
        wrong().await.refused(401, "Wrong PIN");
    }
    wrong().await.limited("pins", 10, 900);
    stack.stop().await;
}

#[tokio::test]
async fn a_right_pin_is_accepted_even_when_its_attempt_can_not_be_refunded() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::with(json!({ "pin": "4321" })).await;
    let is_release = |call: &StoreCall| call.asks("UpdateItem", "LIMIT#pins#") && call.body.contains("REMOVE");
    let down = stack.dynamodb.when(is_release).answer(500, ALWAYS);
    sent(&link.send_as(&Client::new(), json!({ "content": "x", "pin": "4321" })).await);
    down.over().await;
    assert_eq!(link.count().await, 1);
    stack.stop().await;
}
