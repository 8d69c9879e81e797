//! `DELETE /api/links/{slug}` while stores fail.

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{FAILURES, Loss, assert_internal_error, id, sent, share_token};
use crate::support::png::picture;
use crate::support::{ALWAYS, Answer, Client, Fault, FaultyStack, Link, SOON, eventually, upload};

/// One more than a batch of deletions takes, so that a deletion can stop between two batches.
const MESSAGES: usize = 26;

/// A link with messages, the last two of which have cards.
async fn crowded() -> (Link, Vec<Value>) {
    let link = Link::open().await;
    for n in 0..MESSAGES {
        sent(&link.send(&format!("Message {n}")).await);
    }
    let messages = link.all().await;
    for message in &messages[..2] {
        upload(&picture(), share_token(message)).await.ok(201);
    }
    (link, messages)
}

async fn delete(link: &Link) -> Answer {
    Client::new().delete(&link.owned()).send().await
}

/// The link is gone for everybody, but its slug stays taken until the deletion is finished.
async fn assert_closed(link: &Link, messages: &[Value]) {
    let (anybody, gone) = (Client::new(), "Link not found");
    anybody.get(&link.path()).send().await.refused(404, gone);
    link.send("x").await.refused(404, gone);
    anybody.get(&link.inbox()).send().await.refused(404, gone);
    link.patch(json!({ "title": "x" })).await.refused(404, gone);
    for message in messages {
        let (token, path) = (share_token(message), link.message(id(message)));
        anybody.get(&format!("/api/messages/{token}")).send().await.refused(404, "Message not found");
        upload(&picture(), token).await.refused(404, "Message not found");
        anybody.delete(&path).send().await.refused(404, gone);
    }
    let taken = Client::new().post("/api/links").json(&json!({ "title": "x", "slug": link.slug }));
    taken.send().await.refused(409, "This slug is already taken");
}

/// Nothing is left of the link but its slug, which whoever deleted it can take again.
async fn assert_forgotten(stack: &FaultyStack, link: &Link, messages: &[Value]) {
    let id = link.created["id"].as_str().expect("an id");
    let left = stack.stored_with(id).await;
    assert!(left.is_empty(), "{left:?}");
    let reserved = stack.stored_with(&link.slug).await;
    assert!(reserved.len() == 1 && reserved[0].get("reserved_until").is_some(), "{reserved:?}");
    for message in &messages[..2] {
        assert!(!stack.has_card(share_token(message)).await);
    }
    Link::again(link).await;
}

/// Deletes a link while a fault interrupts the deletion, and once more when the fault is over.
async fn stopped_and_repeated(stack: &FaultyStack, trouble: impl Fn(&[Value]) -> Fault) {
    let (link, messages) = crowded().await;
    let down = trouble(&messages);
    let stopped = delete(&link).await;
    assert_internal_error(stack, &stopped, &[&link.token, share_token(&messages[0])]).await;
    assert_closed(&link, &messages[..3]).await;
    down.over().await;
    delete(&link).await.is(200, json!({ "success": true }));
    assert_forgotten(stack, &link, &messages).await;
}

#[tokio::test]
async fn a_deletion_that_could_not_begin_leaves_the_link_as_it_was() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::open().await;
    let message = link.sent("x").await;
    for failure in FAILURES {
        println!("{failure:?}");
        let down = failure.of(stack.dynamodb.when(|call| call.asks("UpdateItem", "deleting")), ALWAYS);
        assert_internal_error(&stack, &delete(&link).await, &[&link.token]).await;
        down.over().await;
        assert_eq!((link.seen().await, link.newest().await), (link.created.clone(), message.clone()));
    }
    delete(&link).await.is(200, json!({ "success": true }));
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_that_could_not_find_the_messages_is_finished_by_its_repetition() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    stopped_and_repeated(&stack, |_| stack.dynamodb.when(|call| call.operation == "Query").answer(500, ALWAYS)).await;
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_that_could_remove_only_some_messages_is_finished_by_its_repetition() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    stopped_and_repeated(&stack, |messages| {
        let one = id(&messages[7]).to_owned();
        stack.dynamodb.when(move |call| call.asks("BatchWriteItem", &one)).answer(503, ALWAYS)
    })
    .await;
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_that_could_not_remove_the_cards_is_finished_by_its_repetition() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    stopped_and_repeated(&stack, |_| stack.s3.when(|call| call.deletes_all_of("cards/")).refuse(ALWAYS)).await;
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_that_could_not_forget_the_link_is_finished_by_its_repetition() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    stopped_and_repeated(&stack, |_| {
        stack.dynamodb.when(|call| call.asks("PutItem", "reserved_until")).answer(503, ALWAYS)
    })
    .await;
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_whose_answers_from_the_stores_are_lost_is_done() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, messages) = crowded().await;
    let losses = [
        Loss::Ended.of(stack.dynamodb.when(|call| call.asks("UpdateItem", "deleting")), 1),
        Loss::Ended.of(stack.dynamodb.when(|call| call.operation == "BatchWriteItem"), 1),
        Loss::Silence.of(stack.dynamodb.when(|call| call.asks("PutItem", "reserved_until")), 1),
        Loss::Ended.of(stack.s3.when(|call| call.deletes_all_of("cards/")), 1),
    ];
    delete(&link).await.is(200, json!({ "success": true }));
    for loss in losses {
        loss.over().await;
    }
    assert_forgotten(&stack, &link, &messages).await;
    stack.stop().await;
}

/// An upload of a card that was stored in the bucket, but not in the table.
#[tokio::test]
async fn a_card_that_its_message_does_not_know_of_goes_with_the_link() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::open().await;
    let message = link.sent("For a card").await;
    let down = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "card")).answer(500, ALWAYS);
    assert_internal_error(&stack, &upload(&picture(), share_token(&message)).await, &[share_token(&message)]).await;
    down.over().await;
    delete(&link).await.is(200, json!({ "success": true }));
    assert!(!stack.has_card(share_token(&message)).await, "a card that nobody can remove");
    stack.stop().await;
}

/// The upload reads the link before its deletion begins. The deletion reads the message before it has the card.
#[tokio::test]
async fn a_card_that_arrives_while_its_link_is_emptied_is_not_left_behind() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::open().await;
    let message = link.sent("For a card").await;
    let (has_looked, looked) = oneshot::channel();
    let (is_uploaded, uploaded) = oneshot::channel();
    let emptied = stack.dynamodb.when(|call| call.operation == "BatchWriteItem").first(async move {
        has_looked.send(()).expect("the upload waits");
        uploaded.await.expect("an upload");
    });
    let deleting = link.clone();
    let deletion = stack.s3.when(|call| call.is("PUT", "/cards/")).first(async move {
        let answer = tokio::spawn(async move { delete(&deleting).await });
        looked.await.expect("a deletion");
        drop(answer);
    });
    let answer = upload(&picture(), share_token(&message)).await;
    deletion.over().await;
    is_uploaded.send(()).expect("the deletion waits");
    emptied.over().await;
    assert!([201, 404].contains(&answer.status), "{}", answer.text());
    let gone = async || delete(&link).await.status == 404;
    eventually("the end of the deletion", SOON, async || gone().await.then_some(())).await;
    assert!(!stack.has_card(share_token(&message)).await, "a card that nobody can remove");
    stack.stop().await;
}
