//! Joining, leaving, blocking and deleting in communities while DynamoDB fails, and requests that overtake them.

use serde_json::{Value, json};

use super::FAILURES;
use super::communities::{assert_internal_error, stored};
use crate::communities::steps::{NO_MESSAGE, NOT_THE_LAST, UNREACHABLE};
use crate::support::{ALWAYS, Community, FaultyStack, StoreCall, User};

#[tokio::test]
async fn joining_and_leaving_hold_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let community = Community::open().await;
    let bob = User::sign_up().await;
    let is_member = async || bob.get(&community.path()).send().await.ok(200)["role"] == "member";
    for joins in [true, false] {
        let call = async || if joins { community.join(&bob).await } else { community.leave(&bob).await };
        for failure in FAILURES {
            println!("{joins} {failure:?}");
            let down = failure.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "MEMBER#")), ALWAYS);
            let failed = call().await;
            down.over().await;
            assert_internal_error(&stack, &failed, &[&bob.id, &community.id]).await;
            assert_ne!(is_member().await, joins);
        }
        let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "MEMBER#")).lose_the_answer(1);
        let answer = call().await;
        lost.over().await;
        answer.ok(if joins { 201 } else { 200 });
        assert_eq!(is_member().await, joins);
        let found = stack.stored_with(&format!("USER#{}", bob.id)).await;
        let memberships = found.iter().filter(|item| item["sk"]["S"] == format!("COMMUNITY#{}", community.id)).count();
        assert_eq!(memberships, usize::from(joins));
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_block_and_its_end_hold_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for has_begun in [false, true] {
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = &community.creator;
        if has_begun {
            community.write(&bob, ann, "Hello").await;
        }
        for blocks in [true, false] {
            let call = async || if blocks { community.block(&bob).await } else { community.unblock(&bob).await };
            let listed = async || community.listed(ann).await.0;
            let is_blocked = async || bob.get(&community.path()).send().await.ok(200)["role"].is_null();
            for failure in FAILURES {
                println!("{has_begun} {blocks} {failure:?}");
                let down = failure.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "blocked")), ALWAYS);
                let failed = call().await;
                down.over().await;
                assert_internal_error(&stack, &failed, &[&bob.id, &ann.id]).await;
                assert_ne!(is_blocked().await, blocks);
                assert_eq!(listed().await, u64::from(has_begun && blocks));
            }
            let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "blocked")).lose_the_answer(1);
            call().await.is(200, json!({ "user_id": bob.id, "blocked": blocks }));
            lost.over().await;
            assert_eq!(is_blocked().await, blocks);
            assert_eq!(listed().await, u64::from(has_begun && !blocks));
        }
        community.write(ann, &bob, "It ended").await;
    }
    stack.stop().await;
}

/// The block reads the conversation before a first message, or before a deletion, and writes after it.
#[tokio::test]
async fn a_block_that_a_first_message_or_a_deletion_overtakes_takes_the_conversation_off_the_list() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for has_begun in [false, true] {
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = community.creator.clone();
        let first = match has_begun {
            true => community.write(&bob, &ann, "Hello").await,
            false => Value::Null,
        };
        let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "SET blocked"));
        let (other, from, to) = (community.clone(), bob.clone(), ann.clone());
        let overtaken = write.first(async move {
            match has_begun {
                true => other.delete(&from, &first).await.ok(200),
                false => other.write(&from, &to, "Hello").await,
            };
        });
        community.block(&bob).await.ok(200);
        overtaken.over().await;
        assert_eq!(community.listed(&ann).await, (0, Vec::new()));
        community.say(&bob, &ann, "Am I blocked?").await.denies_message(403, UNREACHABLE);
        community.unblock(&bob).await.ok(200);
        assert_eq!(community.listed(&ann).await.0, u64::from(!has_begun));
        assert_eq!(stored(&stack, &community, &bob, "Nothing").await, 0);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_holds_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    let sent = [community.write(&bob, ann, "One").await, community.write(&bob, ann, "Two").await];
    for (left, message) in [(1, &sent[1]), (0, &sent[0])] {
        let is_deletion = |call: &StoreCall| call.asks("TransactWriteItems", "MSG#");
        for failure in FAILURES {
            println!("{left} {failure:?}");
            let down = failure.of(stack.dynamodb.when(is_deletion), ALWAYS);
            let failed = community.delete(&bob, message).await;
            down.over().await;
            assert_internal_error(&stack, &failed, &[&bob.id, "One", "Two"]).await;
            assert_eq!(community.all(ann, &bob).await.len(), left + 1);
            stored(&stack, &community, &bob, "One").await;
        }
        let lost = stack.dynamodb.when(is_deletion).lose_the_answer(1);
        community.delete(&bob, message).await.is(200, json!({ "message": "Message deleted successfully" }));
        lost.over().await;
        community.delete(&bob, message).await.denies(404, NO_MESSAGE);
        assert_eq!(community.all(ann, &bob).await.len(), left);
        stored(&stack, &community, &bob, "One").await;
    }
    stack.stop().await;
}

/// The deletion reads the conversation before a newer message is sent, and writes after it.
#[tokio::test]
async fn a_deletion_that_a_message_overtakes_deletes_nothing() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for before in [0, 1] {
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = community.creator.clone();
        for _ in 0..before {
            community.write(&ann, &bob, "Before").await;
        }
        let content = format!("Mine, behind {before}");
        let message = community.write(&bob, &ann, &content).await;
        let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "\"Delete\""));
        let (other, from, to) = (community.clone(), ann.clone(), bob.clone());
        let overtaken = write.first(async move {
            other.write(&from, &to, "Behind it").await;
        });
        let answer = community.delete(&bob, &message).await;
        overtaken.over().await;
        answer.denies(403, NOT_THE_LAST);
        assert_eq!(community.all(&bob, &ann).await.len(), before + 2);
        assert_eq!(stored(&stack, &community, &bob, &content).await, 1);
    }
    stack.stop().await;
}
