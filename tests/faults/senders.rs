//! Blocks and reports while DynamoDB fails, and the keys of senders.

use serde_json::{Value, json};

use super::{FAILURES, Loss, assert_failed, remaining};
use crate::support::{ALWAYS, Answer, Client, FaultyStack, User, all_at_once};

#[track_caller]
fn id(message: &Value) -> &str {
    message["_id"].as_str().unwrap_or_else(|| panic!("{message}"))
}

async fn block(user: &User, message: &Value) -> Answer {
    user.post(&format!("/api/messages/{}/block-sender", id(message))).send().await
}

async fn report(user: &User, message: &Value) -> Answer {
    user.post(&format!("/api/messages/{}/report", id(message))).send().await
}

/// A user, a sender, and a message that the user received from the sender.
async fn message() -> (User, Client, Value) {
    let (user, sender) = (User::sign_up().await, Client::new());
    user.receive_from(&sender, "A message of a test").await.ok(201);
    let message = user.inbox().await.remove(0);
    (user, sender, message)
}

#[tokio::test]
async fn a_sender_is_blocked_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, sender, message) = message().await;
    for failure in FAILURES {
        println!("{failure:?}");
        let down = failure.of(stack.dynamodb.when(|call| call.asks("PutItem", "BLOCKEDSENDER#")), ALWAYS);
        assert_failed(&stack, &block(&user, &message).await, &[id(&message), &user.username]).await;
        down.over().await;
    }
    user.receive_from(&sender, "Not blocked so far").await.ok(201);
    assert_eq!(user.inbox().await.len(), 2);
    for loss in [Loss::Ended, Loss::Silence] {
        let lost = loss.of(stack.dynamodb.when(|call| call.asks("PutItem", "BLOCKEDSENDER#")), 1);
        block(&user, &message).await.ok(200);
        lost.over().await;
    }
    user.receive_from(&sender, "Blocked from now on").await.ok(201);
    assert_eq!(user.inbox().await.len(), 2);
    stack.stop().await;
}

/// A fault must look the same to a blocked sender, or the sender would know about the block.
#[tokio::test]
async fn faults_look_the_same_to_a_blocked_sender() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, blocked, message) = message().await;
    block(&user, &message).await.ok(200);
    for sender in [&blocked, &Client::new()] {
        let down = stack.dynamodb.when(|call| call.operation == "PutItem").answer(500, ALWAYS);
        let answer = user.receive_from(sender, "A message that fails").await;
        assert_failed(&stack, &answer, &["A message that fails", &sender.address]).await;
        assert!(down.over().await > 1);
        let lost = stack.dynamodb.when(|call| call.operation == "PutItem").lose_the_answer(1);
        let answer = user.receive_from(sender, "A message whose answer is lost").await;
        lost.over().await;
        answer.is(201, json!({ "success": true, "message": "Message sent successfully" }));
        assert_eq!(remaining(&answer, "inbox-messages"), if sender.address == blocked.address { 2 } else { 3 });
    }
    assert_eq!(user.inbox().await.len(), 2);
    stack.stop().await;
}

#[tokio::test]
async fn a_message_is_reported_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, _, message) = message().await;
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "reported_at")).answer(503, ALWAYS);
    assert_failed(&stack, &report(&user, &message).await, &[id(&message), "A message of a test"]).await;
    down.over().await;
    assert!(stack.stored_with("REPORT#").await.is_empty());
    let lost = stack.dynamodb.when(|call| call.asks("UpdateItem", "reported_at")).lose_the_answer(1);
    report(&user, &message).await.ok(200);
    lost.over().await;
    assert_eq!(stack.stored_with("REPORT#").await.len(), 1);
    stack.stop().await;
}

#[tokio::test]
async fn without_the_keys_nothing_is_sent_and_afterwards_they_are_made_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    for operation in ["Query", "TransactWriteItems"] {
        println!("{operation}");
        let down = stack.dynamodb.when(move |call| call.asks(operation, "SENDERKEYS")).answer(500, ALWAYS);
        assert_failed(&stack, &user.receive_from(&sender, "Without any keys").await, &["Without any keys"]).await;
        down.over().await;
        assert!(stack.stored_with("SENDERKEYS").await.is_empty());
    }
    let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "SENDERKEYS")).lose_the_answer(1);
    let answer = user.receive_from(&sender, "With keys at last").await;
    lost.over().await;
    answer.ok(201);
    assert_eq!(remaining(&answer, "inbox-messages"), 4);
    assert_eq!(stack.stored_with("SENDERKEYS").await.len(), 3);
    block(&user, &user.inbox().await[0]).await.ok(200);
    user.receive_from(&sender, "Blocked from now on").await.ok(201);
    assert_eq!(user.inbox().await.len(), 1);
    stack.stop().await;
}

/// Every instance that starts on an empty table makes keys. All of them must end up with the same ones.
#[tokio::test]
async fn senders_who_are_the_first_all_at_once_can_all_be_blocked() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let senders: Vec<Client> = (0..8).map(|_| Client::new()).collect();
    let sends = |content: &'static str| {
        let (user, senders) = (user.clone(), senders.clone());
        all_at_once(senders.into_iter().map(move |sender| {
            let user = user.clone();
            async move { user.receive_from(&sender, content).await.status }
        }))
    };
    assert_eq!(sends("One of the first").await, [201; 8]);
    assert_eq!(stack.stored_with("SENDERKEYS").await.len(), 3);
    for message in user.inbox().await {
        block(&user, &message).await.ok(200);
    }
    assert_eq!(sends("Blocked from now on").await, [201; 8]);
    assert!(user.inbox().await.iter().all(|message| message["content"] == "One of the first"));
    stack.stop().await;
}
