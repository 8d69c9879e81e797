//! Private messages while DynamoDB fails: both participants have a message, or nobody has it.

use serde_json::{Value, json};

use super::{FAILURES, Failure, LOST_MESSAGES, Loss, assert_cause_logged, assert_degraded, remaining};
use crate::private::steps::{
    BLOCKED, OUR_FAULT, all_messages, block, conversation, delete, id, mark, pair, reply, say, text, two, unread,
};
use crate::support::{ALWAYS, Answer, FaultyStack, StoreCall, User};

/// The documented 500 of the family, and a log line that has the cause and none of `secrets`.
async fn assert_internal_error(stack: &FaultyStack, answer: &Answer, secrets: &[&str]) {
    answer.rejects(500, OUR_FAULT);
    assert_cause_logged(stack, answer, secrets).await;
}

/// The number of messages with this content that both users have. The lists, the counts and the table must agree.
async fn stored(stack: &FaultyStack, [ann, bob]: [&User; 2], content: &str) -> usize {
    let mut seen = Vec::new();
    for (user, partner) in [(ann, bob), (bob, ann)] {
        let listed = user.conversations().await;
        let Some(listed) = listed.first() else {
            seen.push(0);
            continue;
        };
        let messages = all_messages(user, id(listed), 100).await;
        assert_eq!(listed["lastMessage"], messages[0]);
        assert_eq!(listed["partner"]["_id"], partner.id);
        let unseen = |message: &&Value| message["senderId"] == partner.id && message["seenBy"] == json!([]);
        assert_eq!(listed["unreadCount"], messages.iter().filter(unseen).count());
        seen.push(messages.iter().filter(|message| message["content"] == content).count());
    }
    assert_eq!(seen[0], seen[1], "one has what the other has not");
    assert_eq!(stack.stored_with(content).await.len(), seen[0]);
    seen[0]
}

/// The messages that a user may still send within the minute. This sends one of them.
async fn sends_left(from: &User, to: &User) -> u64 {
    let answer = say(from, to, "One more").await;
    answer.processed(200);
    remaining(&answer, "private-messages") + 1
}

#[tokio::test]
async fn a_message_whose_answer_from_the_store_is_lost_is_written_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (has_begun, loss, content, key) in LOST_MESSAGES {
        println!("{content}");
        let [ann, bob] = two().await;
        if has_begun {
            bob.write(&ann, "Hello").await;
        }
        let lost = loss.of(stack.dynamodb.when(move |call| call.asks("TransactWriteItems", content)), 1);
        let call = ann.letter(&bob.id, text(content));
        let answer = key.into_iter().fold(call, |call, key| call.key(key)).send().await;
        lost.over().await;
        let message = answer.processed(200);
        assert_eq!(remaining(&answer, "private-messages"), 59);
        assert_eq!(stored(&stack, [&ann, &bob], content).await, 1);
        assert_eq!(bob.messages(conversation(&message)).await[0], message);
        assert_eq!(sends_left(&ann, &bob).await, 59);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_none_of_whose_answers_arrives_is_written_once_when_it_is_sent_again_with_its_key() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for to_conversation in [false, true] {
        let ([ann, bob], sent) = pair(["Hello"]).await;
        let send = || match to_conversation {
            true => reply(&ann, conversation(&sent[0]), &text("Unheard")),
            false => ann.letter(&bob.id, text("Unheard")),
        };
        let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Unheard")).lose_the_answer(ALWAYS);
        let unheard = send().key("a-key").send().await;
        assert_internal_error(&stack, &unheard, &["Unheard", &ann.id]).await;
        assert!(lost.over().await > 1, "it was asked only once");
        let first = send().key("a-key").send().await;
        let message = first.processed(200);
        assert_eq!(send().key("a-key").send().await.text(), first.text());
        assert_eq!(stored(&stack, [&ann, &bob], "Unheard").await, 1);
        assert_eq!(bob.messages(conversation(&message)).await[0], message);
        assert_eq!(sends_left(&ann, &bob).await, 58);
        // The next round of this loop counts messages with the same content.
        delete(&ann, &message).await.processed(200);
    }
    stack.stop().await;
}

/// The reads of a send before its write: an operation, and a part of the key.
const STEPS: [(&str, &str); 5] = [
    ("GetItem", "USERNAME#"),
    ("GetItem", "DEVICE#"),
    ("GetItem", "IDEM#"),
    ("GetItem", "CONV#"),
    ("TransactWriteItems", "CONV#"),
];

#[tokio::test]
async fn whichever_step_fails_nothing_is_written_and_afterwards_the_same_message_is_written_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (n, (operation, key)) in STEPS.into_iter().enumerate() {
        let failure = FAILURES[n % 3];
        for has_begun in [false, true] {
            println!("{operation} {key} {failure:?}, in a conversation: {has_begun}");
            let [ann, bob] = two().await;
            if has_begun {
                bob.write(&ann, "Hello").await;
            }
            let content = format!("Content of {n}, {has_begun}");
            let send = || ann.letter(&bob.id, text(&content)).key("a-key").send();
            let down = stack.dynamodb.when(move |call: &StoreCall| call.asks(operation, key));
            let down = failure.of(down, ALWAYS);
            let failed = send().await;
            down.over().await;
            assert_internal_error(&stack, &failed, &[&content, &ann.id, &bob.id, &ann.client.address]).await;
            assert_eq!(stored(&stack, [&ann, &bob], &content).await, 0);
            assert_eq!(bob.conversations().await.len(), usize::from(has_begun));
            for _ in 0..2 {
                send().await.processed(200);
            }
            assert_eq!(stored(&stack, [&ann, &bob], &content).await, 1);
            assert_eq!(sends_left(&ann, &bob).await, 59);
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_store_that_fails_once_or_twice_is_asked_again() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        let ([ann, bob], sent) = pair(["Hello"]).await;
        let content = format!("{failure:?}");
        let mark = content.clone();
        let read = failure.of(stack.dynamodb.when(|call| call.asks("GetItem", "CONV#")), 1);
        let write = failure.of(stack.dynamodb.when(move |call| call.asks("TransactWriteItems", &mark)), 2);
        let answer = reply(&ann, conversation(&sent[0]), &text(&content)).send().await;
        answer.processed(200);
        assert_eq!((read.over().await, write.over().await), (1, 2));
        assert_eq!(stored(&stack, [&ann, &bob], &content).await, 1);
        assert_eq!(sends_left(&ann, &bob).await, 58);
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_only_the_limit_can_not_be_read_messages_pass_uncounted() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let ([ann, bob], sent) = pair(["Hello"]).await;
    for failure in [Failure::Status(500), Failure::NoConnection] {
        let down = stack.dynamodb.when(|call| call.asks("GetItem", "LIMIT#private-messages#"));
        let down = failure.of(down, ALWAYS);
        let uncounted = say(&ann, &bob, "Uncounted").await;
        down.over().await;
        uncounted.processed(200);
        assert_eq!((uncounted.header("ratelimit"), uncounted.header("ratelimit-policy")), (None, None));
        assert_degraded(&stack, &uncounted, "GetItem").await;
    }
    assert_eq!(bob.messages(conversation(&sent[0])).await.len(), 3);
    assert_eq!(sends_left(&ann, &bob).await, 59);
    // A block works without the rate limiter.
    block(&bob, &ann).await;
    let down = stack.dynamodb.when(|call| call.asks("GetItem", "LIMIT#private-messages#")).answer(503, ALWAYS);
    say(&ann, &bob, "Blocked").await.rejects(400, BLOCKED);
    down.over().await;
    stack.stop().await;
}

#[tokio::test]
async fn a_mark_is_made_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (how, field) in [("delivered", "delivered_upto"), ("seen", "seen_upto")] {
        let ([ann, bob], sent) = pair(["Hello", "And more"]).await;
        let own_conversation = conversation(&sent[0]);
        let down = stack.dynamodb.when(move |call| call.asks("UpdateItem", field)).answer(500, ALWAYS);
        let failed = mark(&bob, how, own_conversation, id(&sent[0])).await;
        assert_internal_error(&stack, &failed, &[&bob.id, own_conversation, id(&sent[0])]).await;
        down.over().await;
        assert_eq!(ann.messages(own_conversation).await[1]["deliveredTo"], json!([]));
        for (loss, message, left) in [(Loss::Ended, &sent[0], 1), (Loss::Silence, &sent[1], 0)] {
            let lost = loss.of(stack.dynamodb.when(move |call| call.asks("UpdateItem", field)), 1);
            let data = mark(&bob, how, own_conversation, id(message)).await.processed(200);
            lost.over().await;
            assert_eq!(data["unreadCount"], if how == "seen" { left } else { 2 });
        }
        assert_eq!(ann.messages(own_conversation).await[1]["deliveredTo"], json!([bob.id]));
        assert_eq!(unread(&bob).await, if how == "seen" { 0 } else { 2 });
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_block_and_its_end_hold_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let [ann, bob] = two().await;
    let path = format!("/users/{}/block", bob.id);
    for is_block in [true, false] {
        let call = || if is_block { ann.post(&path) } else { ann.delete(&path) };
        for failure in FAILURES {
            println!("{is_block} {failure:?}");
            let down = failure.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "BLOCK#")), ALWAYS);
            let failed = call().send().await;
            down.over().await;
            assert_internal_error(&stack, &failed, &[&ann.id, &bob.id]).await;
            let answer = say(&bob, &ann, "Does it hold").await;
            assert_eq!(answer.status, if is_block { 200 } else { 400 }, "{}", answer.text());
        }
        let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "BLOCK#")).lose_the_answer(1);
        let data = call().send().await.processed(200);
        lost.over().await;
        assert_eq!(data, json!({ "userId": bob.id, "blocked": is_block }));
        let answer = say(&bob, &ann, "Does it hold").await;
        assert_eq!(answer.status, if is_block { 400 } else { 200 }, "{}", answer.text());
        let listed = ann.get("/users/blocked").send().await.processed(200);
        assert_eq!(listed["users"].as_array().expect("users").len(), usize::from(is_block));
    }
    stack.stop().await;
}
