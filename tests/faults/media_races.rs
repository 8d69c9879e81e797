//! Changes between the check of an upload and the write of its message: uploads are replaced, users block or leave, requests
//! are repeated.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use uuid::Uuid;

use super::media::{nothing_of, there_once};
use crate::support::{
    Answer, Bucket, Fault, FaultyStack, PASSWORD, Pair, StoreCall, User, all_at_once, keys_of, media_of, sample,
};

const ABSENT: &str = "Upload not found or expired";

const BLOCKED: &str = "You can't exchange messages with this user: one of you has blocked the other";

/// Runs an action after the uploads were checked and before any of them is copied.
fn before_the_copy(stack: &FaultyStack, action: impl Future<Output = ()> + Send + 'static) -> Fault {
    stack.s3.when(|call| call.is("PUT", "/media/")).first(action)
}

async fn uploads(pair: &Pair, files: &[(&str, &str)]) -> Vec<String> {
    let mut uploads = Vec::new();
    for (content_type, file) in files {
        uploads.push(pair.ann.upload("image", content_type, &sample(file)).await);
    }
    uploads
}

#[tokio::test]
async fn an_upload_that_is_replaced_before_it_is_copied_is_not_sent() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for count in [1, 3] {
        let pair = Pair::begin().await;
        let uploads = uploads(&pair, &[("image/png", "plain.png"); 3][..count]).await;
        let Some(bucket) = Bucket::of(&stack.stack) else { return };
        let key = uploads[count - 1].clone();
        let replaced = before_the_copy(&stack, async move {
            bucket.put(&key, "image/png", b"<html>no picture any more</html>").await;
        });
        let answer = pair.send("image", &uploads).send().await;
        replaced.over().await;
        answer.not_promoted(&[(&uploads[count - 1], ABSENT)]);
        nothing_of(&stack, &pair, &uploads).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn an_image_that_is_replaced_before_it_is_rewritten_is_not_sent() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let pair = Pair::begin().await;
    let uploads = uploads(&pair, &[("image/jpeg", "located.jpg")]).await;
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let (key, reads) = (uploads[0].clone(), AtomicUsize::new(0));
    let is_second = move |call: &StoreCall| call.is("GET", "/temp/") && reads.fetch_add(1, Ordering::SeqCst) > 0;
    let replaced = stack.s3.when(is_second).first(async move {
        bucket.put(&key, "image/jpeg", &sample("photo.jpg")).await;
    });
    let answer = pair.send("image", &uploads).send().await;
    replaced.over().await;
    answer.not_promoted(&[(&uploads[0], ABSENT)]);
    nothing_of(&stack, &pair, &uploads).await;
    stack.stop().await;
}

#[tokio::test]
async fn an_upload_that_is_gone_before_it_is_copied_is_not_sent() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let pair = Pair::begin().await;
    let uploads = uploads(&pair, &[("image/png", "plain.png"), ("image/png", "plain.png")]).await;
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let key = uploads[1].clone();
    let gone = before_the_copy(&stack, async move { bucket.delete(&key).await });
    let answer = pair.send("image", &uploads).send().await;
    gone.over().await;
    answer.not_promoted(&[(&uploads[1], ABSENT)]);
    nothing_of(&stack, &pair, &uploads[..1]).await;
    stack.stop().await;
}

#[tokio::test]
async fn a_block_during_a_send_ends_it_without_a_trace() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for blocker in ["recipient", "sender"] {
        println!("{blocker}");
        let pair = Pair::begin().await;
        let uploads = uploads(&pair, &[("image/png", "plain.png"), ("image/jpeg", "located.jpg")]).await;
        let (from, to) = if blocker == "sender" { (&pair.ann, &pair.bob) } else { (&pair.bob, &pair.ann) };
        let (from, to) = (from.clone(), to.clone());
        let blocked = before_the_copy(&stack, async move {
            from.post(&format!("/users/{}/block", to.id)).send().await.processed(200);
        });
        let answer = pair.send("image", &uploads).send().await;
        blocked.over().await;
        answer.rejects(400, BLOCKED);
        nothing_of(&stack, &pair, &uploads).await;
    }
    stack.stop().await;
}

async fn leave(user: &User) {
    let answer = user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await;
    answer.is(200, json!({ "success": true, "message": "Account deleted" }));
}

#[tokio::test]
async fn a_recipient_who_leaves_during_a_send_gets_nothing() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let pair = Pair::begin().await;
    let uploads = uploads(&pair, &[("image/png", "plain.png")]).await;
    let leaving = pair.bob.clone();
    let left = before_the_copy(&stack, async move { leave(&leaving).await });
    let answer = pair.send("image", &uploads).send().await;
    left.over().await;
    answer.rejects(400, "There is no user with this id");
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    assert_eq!(pair.ann.messages(&pair.conversation).await.len(), 1);
    assert!(bucket.message_objects(&pair.conversation).await.is_empty() && bucket.has(&uploads[0]).await);
    stack.stop().await;
}

#[tokio::test]
async fn a_sender_who_leaves_during_a_send_has_not_sent_it() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let pair = Pair::begin().await;
    let uploads = uploads(&pair, &[("image/png", "plain.png")]).await;
    let leaving = pair.ann.clone();
    let left = before_the_copy(&stack, async move { leave(&leaving).await });
    let answer = pair.send("image", &uploads).send().await;
    left.over().await;
    assert!(answer.status >= 400, "{}", answer.text());
    assert_eq!(pair.media_messages().await, 0);
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    assert_eq!(bucket.message_objects(&pair.conversation).await, [""; 0]);
    stack.stop().await;
}

#[tokio::test]
async fn of_requests_with_one_key_at_once_one_is_sent_and_all_get_its_answer() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for round in 0..6 {
        let pair = Pair::begin().await;
        let uploads = uploads(&pair, &[("image/png", "plain.png"), ("image/jpeg", "located.jpg")]).await;
        let key = Uuid::new_v4().to_string();
        let sends = (0..4).map(|_| {
            let send = pair.send("image", &uploads).key(&key);
            async move { send.send().await }
        });
        let answers: Vec<Answer> = all_at_once(sends).await;
        for answer in &answers {
            assert_eq!((answer.status, answer.text()), (200, answers[0].text()), "round {round}");
        }
        let Some(bucket) = Bucket::of(&stack.stack) else { return };
        let message = answers[0].processed(200);
        assert_eq!(pair.media_messages().await, 1);
        assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&message));
        assert!(bucket.keys(&format!("temp/user_{}/", pair.ann.id)).await.is_empty());
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_request_that_another_with_its_key_overtakes_gets_that_ones_answer() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let before: [fn(&StoreCall) -> bool; 3] = [
        |call| call.is("GET", "/temp/"),
        |call| call.is("PUT", "/media/"),
        |call| call.asks("TransactWriteItems", "ORPHANEDMEDIA#") && call.body.contains("\"Delete\""),
    ];
    for (place, concerns) in before.into_iter().enumerate() {
        println!("before step {place}");
        let pair = Pair::begin().await;
        let uploads = uploads(&pair, &[("image/png", "plain.png")]).await;
        // The fault holds the first request back, and lets the second one pass.
        let calls = AtomicUsize::new(0);
        let is_first = move |call: &StoreCall| concerns(call) && calls.fetch_add(1, Ordering::SeqCst) == 0;
        let store = if place == 2 { &stack.dynamodb } else { &stack.s3 };
        let (sender, (told, answered)) = (pair.clone(), tokio::sync::oneshot::channel());
        let (body, ids) = (pair.send("image", &uploads).key("one-key"), uploads.clone());
        let held = store.when(is_first).first(async move {
            drop(told.send(sender.send("image", &ids).key("one-key").send().await));
        });
        let overtaken = body.send().await;
        held.over().await;
        let answer = answered.await.expect("an answer");
        assert_eq!((overtaken.status, overtaken.text()), (200, answer.text()));
        there_once_but_for_sweeps(&stack, &pair, &answer).await;
    }
    stack.stop().await;
}

/// Asserts that the message exists once with exactly its objects. Objects that the other request reserved may still be listed.
async fn there_once_but_for_sweeps(stack: &FaultyStack, pair: &Pair, answer: &Answer) {
    let Some(bucket) = Bucket::of(&stack.stack) else { return };
    let message = answer.processed(200);
    assert_eq!((pair.media_messages().await, media_of(&message).len()), (1, 1));
    assert_eq!(bucket.message_objects(&pair.conversation).await, keys_of(&message));
}

#[tokio::test]
async fn of_two_messages_that_race_for_an_upload_none_is_without_its_object() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for _ in 0..6 {
        let pair = Pair::begin().await;
        let uploads = uploads(&pair, &[("image/png", "plain.png")]).await;
        let sends = (0..3).map(|_| {
            let send = pair.send("image", &uploads);
            async move { send.send().await }
        });
        let answers = all_at_once(sends).await;
        let (sent, failed): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert!(!sent.is_empty());
        failed.iter().for_each(|answer| answer.not_promoted(&[(&uploads[0], ABSENT)]));
        let mut keys: Vec<String> = sent.iter().flat_map(|answer| keys_of(&answer.processed(200))).collect();
        keys.sort();
        let Some(bucket) = Bucket::of(&stack.stack) else { return };
        assert_eq!((bucket.message_objects(&pair.conversation).await, pair.media_messages().await), (keys, sent.len()));
    }
    stack.stop().await;
}

#[tokio::test]
async fn an_undisturbed_send_leaves_no_orphaned_objects() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let pair = Pair::begin().await;
    let uploads = uploads(&pair, &[("image/png", "plain.png"), ("image/jpeg", "located.jpg")]).await;
    there_once(&stack, &pair, &pair.send("image", &uploads).send().await).await;
    stack.stop().await;
}
