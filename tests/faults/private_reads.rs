//! Reads and deletions of private messages while DynamoDB fails, and writes that conflict with another transaction.

use serde_json::json;

use super::{FAILURES, Loss, assert_cause_logged};
use crate::private::steps::{
    BLOCKED, OUR_FAULT, block, contents, conversation, delete, only_conversation, pair, say, two, unread,
};
use crate::support::{ALWAYS, FaultyStack};

#[tokio::test]
async fn lists_that_can_not_be_read_are_not_shown_as_empty() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let ([ann, bob], sent) = pair(["Unreadable for a moment"]).await;
    block(&ann, &bob).await;
    let messages = format!("/conversations/{}/messages", conversation(&sent[0]));
    let cases = [
        ("/conversations", "Query", "CONVS#"),
        ("/conversations", "BatchGetItem", "MSG#"),
        ("/conversations", "BatchGetItem", "PROFILE"),
        (messages.as_str(), "Query", "CONV#"),
        (messages.as_str(), "GetItem", "CONV#"),
        ("/users/blocked", "Query", "BLOCK#"),
        ("/users/blocked", "BatchGetItem", "PROFILE"),
    ];
    for (n, (path, operation, key)) in cases.into_iter().enumerate() {
        println!("{path}: {operation} {key}");
        let down = FAILURES[n % 3].of(stack.dynamodb.when(move |call| call.asks(operation, key)), ALWAYS);
        let answer = ann.get(path).send().await;
        down.over().await;
        answer.rejects(500, OUR_FAULT);
        assert_cause_logged(&stack, &answer, &["Unreadable for a moment", &ann.id, &bob.id]).await;
        ann.get(path).send().await.processed(200);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_is_deleted_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        let ([ann, bob], sent) = pair(["A message that goes"]).await;
        let is_deletion = |operation: &'static str| {
            move |call: &crate::support::StoreCall| call.asks(operation, "is_deleted") && call.body.contains("REMOVE")
        };
        let down = stack.dynamodb.when(is_deletion("TransactWriteItems")).answer(500, ALWAYS);
        let failed = delete(&ann, &sent[0]).await;
        down.over().await;
        failed.rejects(500, OUR_FAULT);
        assert_cause_logged(&stack, &failed, &["A message that goes", &ann.id]).await;
        assert_eq!(contents(&bob.messages(conversation(&sent[0])).await), ["A message that goes"]);
        let lost = loss.of(stack.dynamodb.when(is_deletion("TransactWriteItems")), 1);
        let left = delete(&ann, &sent[0]).await.processed(200);
        lost.over().await;
        assert_eq!(bob.messages(conversation(&sent[0])).await, [left]);
        assert_eq!(unread(&bob).await, 0);
    }
    stack.stop().await;
}

/// DynamoDB's answer when another send has updated one participant's item, and its transaction still holds the other one's.
#[tokio::test]
async fn a_message_that_conflicts_with_another_one_is_written_after_it() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for has_begun in [true, false] {
        for their_side_is_held in [true, false] {
            println!("in a conversation: {has_begun}, their side is held: {their_side_is_held}");
            let [ann, bob] = two().await;
            if has_begun {
                bob.write(&ann, "The first one").await;
            }
            let (other, to) = (bob.clone(), ann.clone());
            let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Half-way"));
            let meanwhile = write.first(async move { drop(other.write(&to, "In between").await) });
            let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Half-way"));
            let half_way = write.conflict_on(format!("USER#{}", if their_side_is_held { &bob.id } else { &ann.id }), 1);
            let answer = say(&ann, &bob, "Half-way").await;
            half_way.over().await;
            meanwhile.over().await;
            let message = answer.processed(200);
            let messages = bob.messages(conversation(&message)).await;
            assert_eq!(contents(&messages)[..2], ["Half-way", "In between"]);
            assert_eq!(only_conversation(&bob).await["lastMessage"], message);
            assert_eq!(unread(&bob).await, 1);
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_that_conflicts_with_a_block_is_refused() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let ([ann, bob], sent) = pair(["The first one"]).await;
    block(&bob, &ann).await;
    let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Half-way"));
    let half_way = write.conflict_on(format!("USER#{}", ann.id), 1);
    let answer = say(&ann, &bob, "Half-way").await;
    half_way.over().await;
    answer.rejects(400, BLOCKED);
    assert_eq!(json!(ann.messages(conversation(&sent[0])).await), json!(sent));
    stack.stop().await;
}
