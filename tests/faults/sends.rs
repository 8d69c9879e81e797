//! `POST /api/links/{slug}/messages` while DynamoDB fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{FAILURES, Failure, Loss, assert_internal_error, send, sends_left, sent, stored};
use crate::support::{ALWAYS, Client, FaultyStack, Link, StoreCall};

/// The write of a message: by itself where nothing has to happen with it.
fn writes(call: &StoreCall, content: &str) -> bool {
    call.asks("PutItem", content) || call.asks("TransactWriteItems", content)
}

#[tokio::test]
async fn a_message_whose_answer_from_the_store_is_lost_is_stored_once_and_takes_one_place_of_the_limit() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (open, capped) = (Link::open().await, Link::with(json!({ "maxMessages": 10 })).await);
    let cases = [
        (&open, Loss::Ended, "Without a cap", None),
        (&open, Loss::Ended, "Without a cap, with a key", Some("key")),
        (&capped, Loss::Ended, "Under a cap", None),
        (&capped, Loss::Silence, "Under a cap, with a key", Some("key")),
    ];
    for (link, loss, content, key) in cases {
        println!("{content}");
        let sender = Client::new();
        let lost = loss.of(stack.dynamodb.when(move |call| writes(call, content)), 1);
        let answer = send(link, &sender, content, key).await;
        lost.over().await;
        sent(&answer);
        assert_eq!(answer.quota("link-messages", 5, 60).0, 4);
        assert_eq!(stored(link, content).await, 1);
        assert_eq!(sends_left(link, &sender).await, 4);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_none_of_whose_answers_arrives_is_stored_once_when_it_is_sent_again_with_its_key() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for fields in [json!({}), json!({ "maxMessages": 3 })] {
        let (link, sender) = (Link::with(fields).await, Client::new());
        let lost = stack.dynamodb.when(|call| writes(call, "Unheard")).lose_the_answer(ALWAYS);
        let unheard = send(&link, &sender, "Unheard", Some("key")).await;
        assert_internal_error(&stack, &unheard, &["Unheard"]).await;
        assert!(lost.over().await > 1, "it was asked only once");
        sent(&send(&link, &sender, "Unheard", Some("key")).await);
        assert_eq!(stored(&link, "Unheard").await, 1);
        assert_eq!(sends_left(&link, &sender).await, 4);
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_the_store_fails_nothing_is_stored_and_afterwards_the_same_message_is_stored_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (Link::with(json!({ "maxMessages": 10 })).await, Client::new());
    for (failure, all) in [(Failure::Status(500), true), (Failure::NoConnection, true), (Failure::Status(503), false)] {
        println!("{failure:?}");
        let (content, key) = (format!("Content {failure:?}"), format!("{failure:?}"));
        let mark = content.clone();
        let down = stack.dynamodb.when(move |call| all || writes(call, &mark));
        let down = failure.of(down, ALWAYS);
        let failed = send(&link, &sender, &content, Some(&key)).await;
        assert_internal_error(&stack, &failed, &[&content, &sender.address]).await;
        assert!(stack.stored_with(&content).await.is_empty());
        down.over().await;
        assert_eq!(stored(&link, &content).await, 0);

        let again = Client::new();
        for _ in 0..2 {
            sent(&send(&link, &again, &content, Some(&key)).await);
        }
        assert_eq!(stored(&link, &content).await, 1);
        assert_eq!(sends_left(&link, &again).await, 4);
    }
    assert_eq!(sends_left(&link, &sender).await, 5, "what failed took a place");
    stack.stop().await;
}

#[tokio::test]
async fn a_store_that_fails_once_or_twice_is_asked_again() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::open().await;
    for failure in FAILURES {
        println!("{failure:?}");
        let content = format!("{failure:?}");
        let mark = content.clone();
        let read = failure.of(stack.dynamodb.when(|call| call.asks("GetItem", "LINK#")), 1);
        let write = failure.of(stack.dynamodb.when(move |call| writes(call, &mark)), 2);
        let sender = Client::new();
        let answer = send(&link, &sender, &content, None).await;
        sent(&answer);
        assert_eq!((read.over().await, write.over().await), (1, 2));
        assert_eq!(answer.quota("link-messages", 5, 60).0, 4);
        assert_eq!(stored(&link, &content).await, 1);
    }
    stack.stop().await;
}

/// A send to a link without a cap reads the link again after its write.
#[tokio::test]
async fn a_message_whose_sender_is_told_of_a_failure_is_not_stored() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (Link::open().await, Client::new());
    let slug = link.slug.clone();
    let reads = AtomicUsize::new(0);
    // The read before the write succeeds. All later reads fail.
    let down = stack.dynamodb.when(move |call| call.asks("GetItem", &slug) && reads.fetch_add(1, Ordering::SeqCst) > 0);
    let down = down.answer(500, ALWAYS);
    let answer = send(&link, &sender, "Looked at again", Some("key")).await;
    down.over().await;
    let first = stored(&link, "Looked at again").await;
    match answer.status {
        201 => assert_eq!(first, 1),
        _ => {
            assert_internal_error(&stack, &answer, &["Looked at again"]).await;
            assert_eq!(first, 0, "stored, though its sender was told to try again");
        }
    }
    sent(&send(&link, &sender, "Looked at again", Some("key")).await);
    assert_eq!(stored(&link, "Looked at again").await, 1);
    stack.stop().await;
}
