//! `POST /api/links` while DynamoDB fails.

use serde_json::json;

use super::{FAILURES, Loss, assert_internal_error};
use crate::support::{ALWAYS, Answer, Client, FaultyStack, Link, random_slug};

async fn create(creator: &Client, slug: &str, key: Option<&str>) -> Answer {
    let call = creator.post("/api/links").json(&json!({ "title": "A link of a test", "slug": slug }));
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

/// Asserts that the link exists once, as in the answer, and that its admin token is valid.
async fn assert_made(stack: &FaultyStack, slug: &str, answer: &Answer) {
    let link = Link::from(&answer.ok(201));
    assert_eq!(link.slug, slug);
    assert_eq!(link.seen().await, link.created);
    assert_eq!(link.count().await, 0);
    assert_eq!(stack.stored_with(slug).await.len(), 1);
    assert_eq!(link.patched(json!({ "title": "Mine" })).await["title"], "Mine");
}

#[tokio::test]
async fn a_link_whose_answer_from_the_store_is_lost_is_made_once_and_its_token_works() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (loss, key) in [(Loss::Ended, None), (Loss::Ended, Some("key")), (Loss::Silence, None)] {
        println!("{loss:?}, {key:?}");
        let (creator, slug) = (Client::new(), random_slug());
        let mark = slug.clone();
        let lost = loss.of(stack.dynamodb.when(move |call| call.asks("TransactWriteItems", &mark)), 1);
        let answer = create(&creator, &slug, key).await;
        lost.over().await;
        assert_eq!(answer.quota("links", 10, 3600).0, 9);
        assert_made(&stack, &slug, &answer).await;
        let next = create(&creator, &random_slug(), None).await;
        assert_eq!((next.status, next.quota("links", 10, 3600).0), (201, 8));
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_link_none_of_whose_answers_arrives_is_shown_when_it_is_asked_for_again_with_its_key() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (creator, slug) = (Client::new(), random_slug());
    let mark = slug.clone();
    let lost = stack.dynamodb.when(move |call| call.asks("TransactWriteItems", &mark)).lose_the_answer(ALWAYS);
    assert_internal_error(&stack, &create(&creator, &slug, Some("key")).await, &[&slug]).await;
    lost.over().await;
    assert_made(&stack, &slug, &create(&creator, &slug, Some("key")).await).await;
    stack.stop().await;
}

#[tokio::test]
async fn while_the_store_fails_no_link_is_made_and_its_slug_stays_free() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let (creator, slug) = (Client::new(), random_slug());
        let key = format!("{failure:?}");
        let down = failure.of(stack.dynamodb.when(|_| true), ALWAYS);
        assert_internal_error(&stack, &create(&creator, &slug, Some(&key)).await, &[&slug]).await;
        assert!(stack.stored_with(&slug).await.is_empty());
        down.over().await;
        Client::new().get(&format!("/api/links/{slug}")).send().await.refused(404, "Link not found");
        let answer = create(&creator, &slug, Some(&key)).await;
        assert_eq!(answer.quota("links", 10, 3600).0, 9);
        assert_made(&stack, &slug, &answer).await;
    }
    stack.stop().await;
}
