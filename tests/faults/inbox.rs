//! `POST /api/send-message` and the recipient's requests while DynamoDB fails.

use serde_json::{Value, json};

use super::{FAILURES, Failure, Loss, assert_degraded, assert_failed, limited, remaining};
use crate::support::{ALWAYS, Answer, Client, FaultyStack, StoreCall, User};

async fn send(sender: &Client, to: &User, content: &str, key: Option<&str>) -> Answer {
    let call = sender.post("/api/send-message").json(&json!({ "username": to.username, "content": content }));
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

#[track_caller]
fn sent(answer: &Answer) {
    answer.is(201, json!({ "success": true, "message": "Message sent successfully" }));
}

/// The number of messages with this content in an inbox.
async fn received(user: &User, content: &str) -> usize {
    user.inbox().await.iter().filter(|message| message["content"] == content).count()
}

/// Asserts that the sender can send exactly that many more messages.
async fn assert_places_left(sender: &Client, to: &User, places: u64) {
    for left in (0..places).rev() {
        let answer = send(sender, to, "One of five messages", None).await;
        sent(&answer);
        assert_eq!(remaining(&answer, "inbox-messages"), left);
    }
    limited(&send(sender, to, "One message too many", None).await, "inbox-messages");
}

/// Whether a call writes the message, with or without an idempotency key.
fn writes(call: &StoreCall) -> bool {
    call.asks("PutItem", "INBOX#") || call.asks("TransactWriteItems", "INBOX#")
}

#[tokio::test]
async fn while_the_limit_can_not_be_counted_messages_pass_uncounted_and_the_log_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    for (failure, key) in FAILURES.into_iter().zip([None, Some("key"), None]) {
        println!("{failure:?}");
        let sender = Client::new();
        // With a key the limit is read first, and counted with the message.
        let operation = if key.is_some() { "GetItem" } else { "UpdateItem" };
        let down = failure.of(stack.dynamodb.when(move |call| call.asks(operation, "LIMIT#all-inboxes#")), ALWAYS);
        let answer = send(&sender, &user, "An uncounted message", key).await;
        down.over().await;
        sent(&answer);
        assert_eq!((answer.header("ratelimit"), answer.header("ratelimit-policy")), (None, None));
        assert_degraded(&stack, &answer, operation).await;
        assert_places_left(&sender, &user, 5).await;
    }
    assert_eq!(received(&user, "An uncounted message").await, 3);
    stack.stop().await;
}

#[tokio::test]
async fn a_hit_whose_answer_from_the_store_is_lost_counts_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    for loss in [Loss::Ended, Loss::Silence] {
        let sender = Client::new();
        let lost = loss.of(stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#all-inboxes#")), 1);
        let answer = send(&sender, &user, "A message of a test", None).await;
        lost.over().await;
        sent(&answer);
        assert_eq!((remaining(&answer, "inbox-messages"), remaining(&answer, "all-inboxes")), (4, 29));
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_the_store_fails_nothing_is_sent_and_what_was_never_written_takes_no_place() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let cases = [
        ("PutItem", "INBOX#", Failure::Status(500), None),
        ("PutItem", "INBOX#", Failure::NoConnection, None),
        ("TransactWriteItems", "INBOX#", Failure::Status(503), Some("key")),
        ("GetItem", "USERNAME#", Failure::Status(500), None),
        ("GetItem", "BLOCKEDSENDER#", Failure::Status(503), None),
        ("GetItem", "IDEM#", Failure::NoConnection, Some("another-key")),
    ];
    for (operation, part, failure, key) in cases {
        println!("{operation} {part} {failure:?}");
        let (sender, content) = (Client::new(), format!("{operation} {part} {failure:?}"));
        let down = failure.of(stack.dynamodb.when(move |call| call.asks(operation, part)), ALWAYS);
        let answer = send(&sender, &user, &content, key).await;
        down.over().await;
        assert_failed(&stack, &answer, &[&content, &user.username, &sender.address]).await;
        assert_eq!(received(&user, &content).await, 0);
        // A write by itself that failed may have been done, and nobody heard of it: it counts. A transaction counts its own.
        assert_places_left(&sender, &user, if operation == "PutItem" { 4 } else { 5 }).await;
        if key.is_some() {
            for _ in 0..2 {
                sent(&send(&Client::new(), &user, &content, key).await);
            }
            assert_eq!(received(&user, &content).await, 1);
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_whose_answer_from_the_store_is_lost_is_stored_once_and_takes_one_place() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let cases =
        [(Loss::Ended, None), (Loss::Silence, None), (Loss::Ended, Some("key")), (Loss::Silence, Some("other"))];
    for (loss, key) in cases {
        let (sender, content) = (Client::new(), format!("{loss:?}, {key:?}"));
        println!("{content}");
        let lost = loss.of(stack.dynamodb.when(writes), 1);
        let answer = send(&sender, &user, &content, key).await;
        lost.over().await;
        sent(&answer);
        assert_eq!(remaining(&answer, "inbox-messages"), 4);
        if key.is_some() {
            sent(&send(&sender, &user, &content, key).await);
        }
        assert_eq!(received(&user, &content).await, 1);
        assert_eq!(remaining(&send(&sender, &user, "The next message", None).await, "inbox-messages"), 3);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_none_of_whose_answers_arrives_is_stored_once_when_it_is_sent_again_with_its_key() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    let lost = stack.dynamodb.when(writes).lose_the_answer(ALWAYS);
    assert_failed(&stack, &send(&sender, &user, "An unheard message", Some("key")).await, &["An unheard message"])
        .await;
    assert!(lost.over().await > 1, "it was asked only once");
    sent(&send(&sender, &user, "An unheard message", Some("key")).await);
    assert_eq!(received(&user, "An unheard message").await, 1);
    stack.stop().await;
}

#[tokio::test]
async fn a_refusal_is_told_also_when_its_hit_can_not_be_taken_back() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    let nobody = User { username: "nobody_of_this_name".to_owned(), ..user.clone() };
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "REMOVE #s0")).answer(500, ALWAYS);
    let answer = send(&sender, &nobody, "A message to nobody", None).await;
    down.over().await;
    answer.fails(404, "User not found");
    assert_degraded(&stack, &answer, "UpdateItem").await;
    stack.stop().await;
}

#[tokio::test]
async fn a_message_too_many_is_refused_also_when_its_hit_can_not_be_removed() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    for _ in 0..5 {
        sent(&send(&sender, &user, "One of five messages", None).await);
    }
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "REMOVE #s0")).answer(500, ALWAYS);
    let answer = send(&sender, &user, "One message too many", None).await;
    down.over().await;
    limited(&answer, "inbox-messages");
    assert_eq!(received(&user, "One message too many").await, 0);
    stack.stop().await;
}

#[tokio::test]
async fn the_switch_has_the_state_that_was_answered() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let switch = |to: bool| user.post("/api/accept-messages").json(&json!({ "acceptMessage": to })).send();
    for failure in FAILURES {
        println!("{failure:?}");
        let down = failure.of(stack.dynamodb.when(|call| call.asks("UpdateItem", "is_accepting")), ALWAYS);
        assert_failed(&stack, &switch(false).await, &[&user.username, &user.id]).await;
        down.over().await;
        sent(&user.receive("The inbox is still open").await);
    }
    for loss in [Loss::Ended, Loss::Silence] {
        for to in [false, true] {
            let lost = loss.of(stack.dynamodb.when(|call| call.asks("UpdateItem", "is_accepting")), 1);
            switch(to).await.ok(200);
            lost.over().await;
            assert_eq!(user.get("/api/accept-messages").send().await.ok(200)["isAcceptingMessages"], to);
            match to {
                true => sent(&user.receive("The inbox is open again").await),
                false => user.receive("The inbox is closed").await.fails(403, "User is not accepting messages"),
            }
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn an_inbox_that_can_not_be_read_is_not_an_empty_one() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    user.received("A message of a test").await;
    for failure in FAILURES {
        let down = failure.of(stack.dynamodb.when(|call| call.asks("Query", "INBOX#")), ALWAYS);
        let answer = user.get("/api/get-messages").send().await;
        down.over().await;
        assert_failed(&stack, &answer, &["A message of a test", &user.id]).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_deleted_message_is_gone_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let kept = user.received("A message that stays").await;
    let message = user.received("A message that goes").await;
    let path = format!("/api/delete-message?messageId={}", message["_id"].as_str().expect("an id"));
    let down = stack.dynamodb.when(|call| call.asks("DeleteItem", "INBOX#")).answer(500, ALWAYS);
    assert_failed(&stack, &user.delete(&path).send().await, &["A message that", &user.id]).await;
    down.over().await;
    assert_eq!(user.inbox().await, [message, kept.clone()]);
    let lost = stack.dynamodb.when(|call| call.asks("DeleteItem", "INBOX#")).lose_the_answer(1);
    let after: Value = user.patch(&path).send().await.ok(201);
    lost.over().await;
    assert_eq!(after["data"]["messages"], json!([kept]));
    stack.stop().await;
}
