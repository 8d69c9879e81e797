//! `DELETE /api/links/{slug}/messages/{id}` while stores fail.

use serde_json::json;

use super::{FAILURES, Loss, assert_internal_error, id, send, sent, share_token};
use crate::support::png::picture;
use crate::support::{ALWAYS, Answer, Client, FaultyStack, Link, upload};

async fn delete(link: &Link, id: &str) -> Answer {
    Client::new().delete(&link.message(id)).send().await
}

#[tokio::test]
async fn a_card_that_could_not_be_removed_with_its_message_is_removed_by_the_repetition() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::open().await;
    for failure in FAILURES {
        println!("{failure:?}");
        let message = link.sent("With a card").await;
        let token = share_token(&message);
        upload(&picture(), token).await.ok(201);
        assert!(stack.has_card(token).await);

        let down = failure.of(stack.s3.when(|call| call.is("DELETE", "/cards/")), ALWAYS);
        assert_internal_error(&stack, &delete(&link, id(&message)).await, &[token, &link.token]).await;
        down.over().await;
        let repeated = delete(&link, id(&message)).await;
        assert!([200, 404].contains(&repeated.status), "{}", repeated.text());
        assert!(!stack.has_card(token).await);
        Client::new().get(&format!("/api/messages/{token}")).send().await.refused(404, "Message not found");
        assert_eq!(link.count().await, 0);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_whose_answers_from_the_stores_are_lost_frees_one_place() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::with(json!({ "maxMessages": 3 })).await;
    for n in 0..2 {
        link.sent(&n.to_string()).await;
    }
    let message = link.sent("With a card").await;
    upload(&picture(), share_token(&message)).await.ok(201);
    let row = Loss::Silence.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Delete")), 1);
    let card = Loss::Ended.of(stack.s3.when(|call| call.is("DELETE", "/cards/")), 1);
    delete(&link, id(&message)).await.is(200, json!({ "success": true }));
    assert_eq!((row.over().await, card.over().await), (1, 1));
    assert!(!stack.has_card(share_token(&message)).await);
    assert_eq!((link.count().await, link.all().await.len()), (2, 2));
    sent(&link.send("In the freed place").await);
    link.send("x").await.refused(409, "This link is full");
    stack.stop().await;
}

#[tokio::test]
async fn while_the_table_fails_a_message_stays_and_its_deletion_can_be_repeated() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::open().await;
    let message = link.sent("With a card").await;
    upload(&picture(), share_token(&message)).await.ok(201);
    for failure in FAILURES {
        println!("{failure:?}");
        let down = failure.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Delete")), ALWAYS);
        assert_internal_error(&stack, &delete(&link, id(&message)).await, &[share_token(&message)]).await;
        down.over().await;
        assert_eq!(link.newest().await, message);
        // The card is removed first: when its message is gone, nobody can find it to remove it.
        assert!(!stack.has_card(share_token(&message)).await);
    }
    delete(&link, id(&message)).await.is(200, json!({ "success": true }));
    assert!(!stack.has_card(share_token(&message)).await);
    sent(&send(&link, &Client::new(), "x", None).await);
    stack.stop().await;
}
