//! `POST /api/cards/upload` while stores fail.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::{FAILURES, Loss, assert_internal_error, share_token};
use crate::support::png::{self, other_picture, picture};
use crate::support::{ALWAYS, Answer, Client, FaultyStack, Link, Upload, upload};

const EXISTS: &str = "This message already has a card";

/// A link with a message that has no card yet, and the message's share token.
async fn message() -> (Link, String) {
    let link = Link::open().await;
    let token = share_token(&link.sent("For a card").await).to_owned();
    (link, token)
}

async fn card_url(token: &str) -> Value {
    let answer = Client::new().get(&format!("/api/messages/{token}")).send().await;
    answer.ok(200)["message"]["card_url"].take()
}

async fn put(picture: &[u8], token: &str, key: Option<&str>) -> Answer {
    let call = Upload::of(picture, token).call(&Client::new(), "");
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

/// Asserts that the stored card is `picture`, at the URL of the answer.
async fn assert_shown(answer: &Answer, token: &str, picture: &[u8]) {
    let url = answer.ok(201)["url"].take();
    assert_eq!(card_url(token).await, url);
    let shown = Client::fetch(url.as_str().expect("an address")).await;
    assert_eq!((shown.status, png::shown(&shown.body)), (200, png::shown(picture)));
}

#[tokio::test]
async fn a_card_whose_answer_from_the_bucket_is_lost_is_stored_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (loss, key) in [(Loss::Ended, None), (Loss::Ended, Some("key")), (Loss::Silence, None)] {
        println!("{loss:?}, {key:?}");
        let (link, token) = message().await;
        let lost = loss.of(stack.s3.when(|call| call.is("PUT", "/cards/")), 1);
        let answer = put(&picture(), &token, key).await;
        lost.over().await;
        assert_shown(&answer, &token, &picture()).await;
        upload(&picture(), &token).await.refused(409, EXISTS);
        upload(&other_picture(), &token).await.refused(409, EXISTS);

        let lost = stack.s3.when(|call| call.is("PUT", "/cards/")).lose_the_answer(1);
        let owned = format!("?token={}", link.token);
        let replaced = Upload::of(&other_picture(), &token).call(&Client::new(), &owned).send().await;
        lost.over().await;
        assert_shown(&replaced, &token, &other_picture()).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_card_whose_answer_from_the_table_is_lost_is_stored_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (loss, key) in [(Loss::Ended, None), (Loss::Silence, Some("key"))] {
        println!("{loss:?}, {key:?}");
        let (_, token) = message().await;
        let lost = loss.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "card")), 1);
        let answer = put(&picture(), &token, key).await;
        lost.over().await;
        assert_shown(&answer, &token, &picture()).await;
        upload(&picture(), &token).await.refused(409, EXISTS);
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_the_bucket_fails_there_is_no_card_and_afterwards_there_can_be_one() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let (_, token) = message().await;
        let down = failure.of(stack.s3.when(|_| true), ALWAYS);
        assert_internal_error(&stack, &put(&picture(), &token, Some("key")).await, &[&token]).await;
        assert_eq!(card_url(&token).await, Value::Null);
        down.over().await;
        assert!(!stack.has_card(&token).await);
        let answer = put(&picture(), &token, Some("key")).await;
        assert_shown(&answer, &token, &picture()).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_card_that_its_message_does_not_know_of_yet_can_be_uploaded_again() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for key in [None, Some("key")] {
        println!("{key:?}");
        let (_, token) = message().await;
        let down = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "card")).answer(500, ALWAYS);
        assert_internal_error(&stack, &put(&picture(), &token, key).await, &[&token]).await;
        down.over().await;
        assert_eq!(card_url(&token).await, Value::Null);
        let answer = put(&picture(), &token, key).await;
        assert_shown(&answer, &token, &picture()).await;
        upload(&other_picture(), &token).await.refused(409, EXISTS);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_card_none_of_whose_answers_arrives_is_there_when_it_is_uploaded_again_with_its_key() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (_, token) = message().await;
    let lost = stack.s3.when(|call| call.is("PUT", "/cards/")).lose_the_answer(ALWAYS);
    assert_internal_error(&stack, &put(&picture(), &token, Some("key")).await, &[&token]).await;
    lost.over().await;
    assert_eq!(card_url(&token).await, Value::Null);
    let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "card")).lose_the_answer(ALWAYS);
    assert_internal_error(&stack, &put(&picture(), &token, Some("key")).await, &[&token]).await;
    lost.over().await;
    let answer = put(&picture(), &token, Some("key")).await;
    assert_shown(&answer, &token, &picture()).await;
    stack.stop().await;
}

#[tokio::test]
async fn a_card_stays_when_the_read_after_it_fails() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, token) = message().await;
    let reads = AtomicUsize::new(0);
    // The read before the card is stored succeeds. All later reads fail.
    let down =
        stack.dynamodb.when(move |call| call.asks("GetItem", &link.slug) && reads.fetch_add(1, Ordering::SeqCst) > 0);
    let down = down.answer(500, ALWAYS);
    let answer = put(&picture(), &token, None).await;
    down.over().await;
    assert_shown(&answer, &token, &picture()).await;
    stack.stop().await;
}
