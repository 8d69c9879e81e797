//! Changes to links between the reads of a request and its write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{assert_internal_error, id, send, sends_left, sent, share_token, stored};
use crate::support::png::picture;
use crate::support::{ALWAYS, Answer, Client, Fault, FaultyStack, Link, StoreCall, upload};

/// Whether a call writes the message with this content.
fn write_of(content: &'static str) -> impl Fn(&StoreCall) -> bool + Send + Sync {
    // The transaction that takes a message back has no content.
    move |call| call.asks("PutItem", content) || call.asks("TransactWriteItems", content)
}

/// Sets a cap just before the message with this content is written.
fn capped_before(stack: &FaultyStack, content: &'static str, link: &Link, cap: usize) -> Fault {
    let link = link.clone();
    stack.dynamodb.when(write_of(content)).first(async move {
        link.patched(json!({ "maxMessages": cap })).await;
    })
}

/// Sets a cap of five and sends a counted message, just before the message with this content is written.
fn capped_and_counted_before(stack: &FaultyStack, content: &'static str, link: &Link) -> Fault {
    let (link, other) = (link.clone(), Client::new());
    stack.dynamodb.when(write_of(content)).first(async move {
        link.patched(json!({ "maxMessages": 5 })).await;
        sent(&send(&link, &other, "Counted", None).await);
    })
}

/// Deletes the link just before the message with this content is written.
fn deleted_before(stack: &FaultyStack, content: &'static str, link: &Link) -> Fault {
    let path = link.owned();
    stack.dynamodb.when(write_of(content)).first(async move {
        Client::new().delete(&path).send().await.is(200, json!({ "success": true }));
    })
}

async fn with_messages(count: usize) -> Link {
    let link = Link::open().await;
    for n in 0..count {
        sent(&link.send(&n.to_string()).await);
    }
    link
}

fn full(answer: &Answer) {
    answer.refused(409, "This link is full");
}

#[tokio::test]
async fn a_cap_that_overtakes_a_message_is_exact() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (before, cap, fits) in [(0, 1, true), (2, 3, true), (2, 2, false), (3, 1, false), (3, 5, true)] {
        println!("a cap of {cap} over {before}");
        let (link, sender) = (with_messages(before).await, Client::new());
        let overtaken = capped_before(&stack, "Overtaken", &link, cap);
        let answer = send(&link, &sender, "Overtaken", None).await;
        overtaken.over().await;
        if fits {
            sent(&answer)
        } else {
            full(&answer)
        }
        assert_eq!(stored(&link, "Overtaken").await, usize::from(fits));
        for _ in before + 1..cap {
            sent(&link.send("x").await);
        }
        full(&link.send("x").await);
        assert_eq!(stored(&link, "x").await, cap.saturating_sub(before + 1));
        link.patched(json!({ "maxMessages": null })).await;
        assert_eq!(sends_left(&link, &sender).await, if fits { 4 } else { 5 });
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_that_a_cap_left_no_room_for_can_be_sent_with_its_key_when_there_is_room() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (with_messages(2).await, Client::new());
    let overtaken = capped_before(&stack, "Overtaken", &link, 2);
    full(&send(&link, &sender, "Overtaken", Some("key")).await);
    overtaken.over().await;
    link.patched(json!({ "maxMessages": 3 })).await;
    for _ in 0..2 {
        sent(&send(&link, &sender, "Overtaken", Some("key")).await);
    }
    assert_eq!(stored(&link, "Overtaken").await, 1);
    full(&send(&link, &sender, "x", None).await);
    stack.stop().await;
}

#[tokio::test]
async fn a_cap_that_was_counted_up_to_before_an_overtaken_message_is_exact() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = with_messages(2).await;
    let overtaken = capped_and_counted_before(&stack, "Overtaken", &link);
    sent(&link.send("Overtaken").await);
    overtaken.over().await;
    assert_eq!((stored(&link, "Overtaken").await, stored(&link, "Counted").await), (1, 1));
    sent(&link.send("In the last place").await);
    full(&link.send("x").await);
    stack.stop().await;
}

#[tokio::test]
async fn a_message_whose_removal_loses_its_answer_is_removed_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (with_messages(2).await, Client::new());
    let overtaken = capped_before(&stack, "Overtaken", &link, 2);
    let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Delete")).lose_the_answer(1);
    full(&send(&link, &sender, "Overtaken", None).await);
    lost.over().await;
    overtaken.over().await;
    assert_eq!(stored(&link, "Overtaken").await, 0);
    link.patched(json!({ "maxMessages": 4 })).await;
    assert_eq!(sends_left(&link, &sender).await, 5);
    stack.stop().await;
}

/// A message that can't be taken back may exceed the cap by one, but the stored count must stay consistent.
#[tokio::test]
async fn a_link_with_an_overtaken_message_that_could_not_be_taken_back_can_be_emptied_and_filled() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = with_messages(2).await;
    let overtaken = capped_and_counted_before(&stack, "Overtaken", &link);
    let down = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Delete")).answer(500, ALWAYS);
    assert_internal_error(&stack, &link.send("Overtaken").await, &["Overtaken"]).await;
    down.over().await;
    overtaken.over().await;

    for message in link.all().await {
        Client::new().delete(&link.message(id(&message))).send().await.is(200, json!({ "success": true }));
    }
    assert_eq!(link.seen().await["max_messages"], 5);
    for _ in 0..5 {
        sent(&link.send("x").await);
    }
    full(&link.send("x").await);
    assert_eq!(stored(&link, "x").await, 5);
    stack.stop().await;
}

#[tokio::test]
async fn an_overtaken_message_may_be_deleted_before_it_is_taken_back() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = with_messages(1).await;
    let only = link.message(id(&link.newest().await));
    let (capped, written) = (link.clone(), Arc::new(AtomicBool::new(false)));
    let is_written = written.clone();
    let overtaken = stack.dynamodb.when(write_of("Overtaken")).first(async move {
        capped.patched(json!({ "maxMessages": 5 })).await;
        sent(&capped.send("Counted").await);
        for path in [only, capped.message(id(&capped.newest().await))] {
            Client::new().delete(&path).send().await.ok(200);
        }
        is_written.store(true, Ordering::SeqCst);
    });
    let (slug, emptied) = (link.slug.clone(), link.clone());
    // After the write, the sender's own request is the next one to read the link.
    let again = move |call: &StoreCall| call.asks("GetItem", &slug) && written.swap(false, Ordering::SeqCst);
    let deleted = stack.dynamodb.when(again).first(async move {
        let path = emptied.message(id(&emptied.newest().await));
        Client::new().delete(&path).send().await.is(200, json!({ "success": true }));
    });
    let answer = link.send("Overtaken").await;
    deleted.over().await;
    overtaken.over().await;
    assert_eq!(link.seen().await["max_messages"], 5);
    sent(&answer);
    assert_eq!(link.count().await, link.all().await.len() as u64);
    stack.stop().await;
}

#[tokio::test]
async fn a_link_without_its_cap_takes_a_message_that_saw_the_cap() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::with(json!({ "maxMessages": 2 })).await;
    let uncapped = link.clone();
    let overtaken = stack.dynamodb.when(write_of("Overtaken")).first(async move {
        uncapped.patched(json!({ "maxMessages": null })).await;
    });
    sent(&link.send("Overtaken").await);
    overtaken.over().await;
    assert_eq!(stored(&link, "Overtaken").await, 1);
    stack.stop().await;
}

#[tokio::test]
async fn a_message_whose_link_is_deleted_before_it_is_written_is_not_found_and_leaves_nothing() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for fields in [json!({}), json!({ "maxMessages": 5 })] {
        println!("{fields}");
        let (link, sender) = (Link::with(fields).await, Client::new());
        let overtaken = deleted_before(&stack, "Too late", &link);
        for _ in 0..2 {
            send(&link, &sender, "Too late", Some("key")).await.refused(404, "Link not found");
        }
        overtaken.over().await;
        for text in ["Too late", "IDEM#", &link.slug, link.created["id"].as_str().expect("an id")] {
            let mut left = stack.stored_with(text).await;
            // The slug stays reserved for the link's owner.
            left.retain(|item| item["reserved_until"].is_null());
            assert!(left.is_empty(), "{text}: {left:?}");
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_never_gets_into_another_link_that_took_the_slug_meanwhile() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for fields in [json!({}), json!({ "maxMessages": 5 })] {
        println!("{fields}");
        let link = Link::with(fields.clone()).await;
        let deleted = link.clone();
        let (made, is_made) = tokio::sync::oneshot::channel();
        let overtaken = stack.dynamodb.when(write_of("Too late")).first(async move {
            Client::new().delete(&deleted.owned()).send().await.ok(200);
            made.send(Link::again_with(&deleted, fields).await).ok().expect("the test waits");
        });
        link.send("Too late").await.refused(404, "Link not found");
        overtaken.over().await;
        let other = is_made.await.expect("a link");
        assert_eq!(stored(&other, "Too late").await, 0);
        assert!(stack.stored_with("Too late").await.is_empty());
        sent(&other.send("In time").await);
        assert_eq!(other.count().await, 1);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_that_can_not_be_taken_back_from_a_deleted_link_is_seen_by_nobody() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::open().await;
    let overtaken = deleted_before(&stack, "Too late", &link);
    // The deletion of a link uses other calls.
    let down = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Delete")).answer(500, ALWAYS);
    assert_internal_error(&stack, &link.send("Too late").await, &["Too late"]).await;
    down.over().await;
    overtaken.over().await;
    link.send("x").await.refused(404, "Link not found");
    let anew = Link::again(&link).await;
    assert_eq!(stored(&anew, "Too late").await, 0);
    stack.stop().await;
}

#[tokio::test]
async fn a_card_whose_message_or_link_is_deleted_meanwhile_is_not_found_and_not_left_behind() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for of_link in [false, true] {
        let link = Link::open().await;
        let message = link.sent("For a card").await;
        let path = if of_link { link.owned() } else { link.message(id(&message)) };
        let overtaken = stack.s3.when(|call| call.is("PUT", "/cards/")).first(async move {
            Client::new().delete(&path).send().await.is(200, json!({ "success": true }));
        });
        let token = share_token(&message);
        upload(&picture(), token).await.refused(404, "Message not found");
        overtaken.over().await;
        assert!(!stack.has_card(token).await);
        assert!(stack.stored_with(id(&message)).await.is_empty());
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_cap_that_overtakes_a_deletion_is_exact() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = with_messages(3).await;
    let (message, capped) = (link.newest().await, link.clone());
    let overtaken = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Delete")).first(async move {
        capped.patched(json!({ "maxMessages": 4 })).await;
        sent(&capped.send("Counted").await);
    });
    Client::new().delete(&link.message(id(&message))).send().await.is(200, json!({ "success": true }));
    overtaken.over().await;
    assert_eq!(stored(&link, "Counted").await, 1);
    sent(&link.send("In the freed place").await);
    full(&link.send("x").await);
    assert_eq!(link.all().await.len(), 4);
    stack.stop().await;
}
