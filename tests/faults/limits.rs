//! Rate limits while the store fails: messages are accepted without a limit, PINs are refused.

use serde_json::json;

use super::{Loss, assert_degraded, assert_internal_error, remaining, send, sent};
use crate::support::{ALWAYS, Client, FaultyStack, Link, StoreCall, User};

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

#[tokio::test]
async fn a_hit_whose_answer_from_the_store_is_lost_counts_once_and_stays_when_no_answer_comes() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let switch = async || user.post("/api/accept-messages").json(&json!({ "acceptMessage": true })).send().await;
    let takes = |call: &StoreCall| call.asks("UpdateItem", "LIMIT#settings#");
    for (loss, left) in [(Loss::Ended, 59), (Loss::Silence, 58)] {
        println!("{loss:?}");
        let lost = loss.of(stack.dynamodb.when(takes), 1);
        let answer = switch().await;
        lost.over().await;
        answer.ok(200);
        assert_eq!(remaining(&answer, "settings"), left);
    }
    // The limit fails open. The hit that nobody heard of is one all the same: better one too few than one too many.
    let lost = stack.dynamodb.when(takes).lose_the_answer(ALWAYS);
    let unheard = switch().await;
    lost.over().await;
    unheard.ok(200);
    assert_eq!(unheard.header("ratelimit"), None);
    assert_degraded(&stack, &unheard, "UpdateItem").await;
    assert_eq!(remaining(&switch().await, "settings"), 56);
    stack.stop().await;
}

#[tokio::test]
async fn a_refused_message_whose_hit_can_not_be_removed_gets_its_refusal_and_takes_a_place() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (Link::open().await, Client::new());
    link.patched(json!({ "isActive": false })).await;
    let is_removal = |call: &StoreCall| call.asks("UpdateItem", "LIMIT#link-messages#") && call.body.contains("REMOVE");
    let down = stack.dynamodb.when(is_removal).answer(500, ALWAYS);
    let refused = send(&link, &sender, "x", None).await;
    down.over().await;
    refused.refused(403, "This link is paused");
    assert_degraded(&stack, &refused, "UpdateItem").await;
    link.patched(json!({ "isActive": true })).await;
    for left in (0..4).rev() {
        let answer = send(&link, &sender, "x", None).await;
        sent(&answer);
        assert_eq!(remaining(&answer, "link-messages"), left);
    }
    send(&link, &sender, "x", None).await.limited("link-messages", 5, 60);
    stack.stop().await;
}

/// An attempt whose end can't be written is under way for half a minute, and a failure after that.
#[tokio::test]
async fn an_attempt_whose_end_can_not_be_written_fills_its_place_so_that_no_window_has_more_than_10_failures() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (pin, unwritten) in [("4321", "REMOVE"), ("9999", "SET #slot = :hit\"")] {
        println!("{pin}");
        let (link, sender) = (Link::with(json!({ "pin": "4321" })).await, Client::new());
        let attempt = async |pin: &str| link.send_as(&sender, json!({ "content": "x", "pin": pin })).await;
        let is_end = move |call: &StoreCall| call.asks("UpdateItem", "LIMIT#pins#") && call.body.contains(unwritten);
        let down = stack.dynamodb.when(is_end).answer(500, ALWAYS);
        let answer = attempt(pin).await;
        down.over().await;
        if pin == "4321" {
            sent(&answer)
        } else {
            answer.refused(401, "Wrong PIN")
        }
        assert_degraded(&stack, &answer, "UpdateItem").await;
        for _ in 0..9 {
            attempt("9999").await.refused(401, "Wrong PIN");
        }
        // It waits for the one that may still be under way, and is told to come again soon.
        assert_eq!(attempt("4321").await.limited("pins", 10, 900), 1);
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_a_ceiling_can_not_be_read_no_pin_is_looked_at_and_while_it_can_not_be_written_a_wrong_one_is_wrong() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::with(json!({ "pin": "4321" })).await;
    let attempt = async |pin: &str| link.send_as(&Client::new(), json!({ "content": "Let me in", "pin": pin })).await;
    let down = stack.dynamodb.when(|call| call.asks("GetItem", "LIMIT#link-pins#")).answer(500, ALWAYS);
    for pin in ["4321", "9999"] {
        assert_internal_error(&stack, &attempt(pin).await, &["Let me in", pin]).await;
    }
    down.over().await;
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#link-pins#")).answer(503, ALWAYS);
    let wrong = attempt("9999").await;
    down.over().await;
    wrong.refused(401, "Wrong PIN");
    assert_degraded(&stack, &wrong, "UpdateItem").await;
    sent(&attempt("4321").await);
    assert_eq!(link.count().await, 1);
    stack.stop().await;
}

#[tokio::test]
async fn while_unknown_keys_can_not_be_counted_they_are_refused_and_known_ones_are_answered() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (Link::open().await, Client::new());
    sent(&send(&link, &sender, "First", Some("key")).await);
    for n in 0..4 {
        sent(&send(&link, &sender, &n.to_string(), None).await);
    }
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#fresh-keys#")).answer(500, ALWAYS);
    let refused = send(&link, &sender, "Sixth", Some("another-key")).await;
    let replayed = send(&link, &sender, "First", Some("key")).await;
    down.over().await;
    refused.limited("link-messages", 5, 60);
    sent(&replayed);
    assert_eq!(link.count().await, 5);
    stack.stop().await;
}
