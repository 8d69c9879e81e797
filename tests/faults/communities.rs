//! Communities while DynamoDB fails: list, count and messages always agree, and every answer stays true.

use serde_json::{Value, json};

use super::{FAILURES, LOST_MESSAGES, assert_cause_logged};
use crate::communities::steps::contents;
use crate::support::{ALWAYS, Answer, Community, FaultyStack, PASSWORD, SOON, StoreCall, User, eventually};

const OUR_FAULT: &str = "Something went wrong on our side. Please try again";

/// The documented 500 of the family, and a log line that has the cause and none of `secrets`.
pub async fn assert_internal_error(stack: &FaultyStack, answer: &Answer, secrets: &[&str]) {
    answer.denies(500, OUR_FAULT);
    assert_cause_logged(stack, answer, secrets).await;
}

/// The number of messages with this content that both users can read. The lists, the counts and the table must agree.
pub async fn stored(stack: &FaultyStack, community: &Community, bob: &User, content: &str) -> usize {
    let ann = &community.creator;
    let messages = community.all(ann, bob).await;
    assert_eq!(community.all(bob, ann).await, messages);
    for user in [ann, bob] {
        let (total, listed) = community.listed(user).await;
        assert_eq!((total, listed.len()), (u64::from(!messages.is_empty()), usize::from(!messages.is_empty())));
        let last = listed.first().map(|one| &one["latest_message"]["id"]);
        assert_eq!(last, messages.last().map(|last| &last["id"]));
    }
    let count = contents(&messages).iter().filter(|found| **found == content).count();
    assert_eq!(stack.stored_with(content).await.len(), count);
    count
}

fn letter(to: &User, content: &str) -> Value {
    json!({ "recipient_id": to.id, "content": content })
}

#[tokio::test]
async fn a_message_whose_answer_from_the_store_is_lost_is_written_once() {
    let Some(stack) = FaultyStack::start().await else { return };
    for (has_begun, loss, content, key) in LOST_MESSAGES {
        println!("{content}");
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = &community.creator;
        if has_begun {
            community.write(&bob, ann, "Hello").await;
        }
        let lost = loss.of(stack.dynamodb.when(move |call| call.asks("TransactWriteItems", content)), 1);
        let call = community.letter(&bob, &letter(ann, content));
        let message = key.into_iter().fold(call, |call, key| call.key(key)).send().await.ok(201);
        lost.over().await;
        assert_eq!(stored(&stack, &community, &bob, content).await, 1);
        assert_eq!(community.all(ann, &bob).await.last(), Some(&message));
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_none_of_whose_answers_arrives_is_written_once_when_it_is_sent_again_with_its_key() {
    let Some(stack) = FaultyStack::start().await else { return };
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    let send = || community.letter(&bob, &letter(ann, "Unheard")).key("a-key").send();
    let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Unheard")).lose_the_answer(ALWAYS);
    assert_internal_error(&stack, &send().await, &["Unheard", &bob.id]).await;
    assert!(lost.over().await > 1, "it was asked only once");
    let first = send().await;
    first.ok(201);
    assert_eq!(send().await.text(), first.text());
    assert_eq!(stored(&stack, &community, &bob, "Unheard").await, 1);
    stack.stop().await;
}

/// The reads of a send before its write: an operation, and a part of the key.
const STEPS: [(&str, &str); 8] = [
    ("GetItem", "USERNAME#"),
    ("GetItem", "DEVICE#"),
    ("GetItem", "META"),
    ("GetItem", "MEMBER#"),
    ("GetItem", "HEAD"),
    ("GetItem", "PROFILE"),
    ("GetItem", "IDEM#"),
    ("TransactWriteItems", "HEAD"),
];

#[tokio::test]
async fn whichever_step_fails_nothing_is_written_and_afterwards_the_same_message_is_written_once() {
    let Some(stack) = FaultyStack::start().await else { return };
    for (n, (operation, key)) in STEPS.into_iter().enumerate() {
        let failure = FAILURES[n % 3];
        println!("{operation} {key} {failure:?}");
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = &community.creator;
        let content = format!("Content of {n}");
        if n % 2 == 1 {
            community.write(ann, &bob, "Hello").await;
        }
        let send = || community.letter(&bob, &letter(ann, &content)).key("a-key").send();
        let down = failure.of(stack.dynamodb.when(move |call: &StoreCall| call.asks(operation, key)), ALWAYS);
        let failed = send().await;
        down.over().await;
        assert_internal_error(&stack, &failed, &[&content, &ann.id, &bob.id, &bob.client.address]).await;
        assert_eq!(stored(&stack, &community, &bob, &content).await, 0);
        for _ in 0..2 {
            send().await.ok(201);
        }
        assert_eq!(stored(&stack, &community, &bob, &content).await, 1);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_message_that_conflicts_with_another_one_is_written_after_it() {
    let Some(stack) = FaultyStack::start().await else { return };
    for (has_begun, held) in [(true, "HEAD"), (false, "HEAD"), (true, "MSG#"), (true, "MEMBER#"), (false, "MEMBER#")] {
        println!("{has_begun} {held}");
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = community.creator.clone();
        if has_begun {
            community.write(&ann, &bob, "Hello").await;
        }
        let second = format!("The second, {has_begun}, {held}");
        let content = second.clone();
        let is_ours = move |call: &StoreCall| call.asks("TransactWriteItems", &content);
        let (other, to, from) = (community.clone(), ann.clone(), bob.clone());
        let overtaken = stack.dynamodb.when(is_ours.clone()).first(async move {
            other.write(&from, &to, "The first").await;
        });
        let half_way = stack.dynamodb.when(is_ours).conflict_on(held.to_owned(), 1);
        community.write(&ann, &bob, &second).await;
        overtaken.over().await;
        half_way.over().await;
        let said = community.all(&bob, &ann).await;
        assert_eq!(contents(&said)[usize::from(has_begun)..], ["The first", &second]);
        assert_eq!(stored(&stack, &community, &bob, &second).await, 1);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_list_shows_what_is_true_when_the_index_is_late() {
    let Some(stack) = FaultyStack::start().await else { return };
    let (community, [bob, carl, dora, emil]) = Community::with_members::<4>().await;
    let ann = community.creator.clone();
    let mut last = Vec::new();
    for user in [&bob, &carl, &dora, &emil] {
        community.write(&ann, user, "One").await;
        last.push(community.write(&ann, user, "Two").await);
    }
    // This happens between the read of the index and the read of the conversations.
    let (place, [b, d]) = (community.clone(), [bob.clone(), dora.clone()]);
    let read = stack.dynamodb.when(|call| call.asks("BatchGetItem", "HEAD"));
    let (taken, creator) = (last[1].clone(), ann.clone());
    let late = read.first(async move {
        place.write(&b, &creator, "Three").await;
        place.delete(&creator, &taken).await.ok(200);
        place.block(&d).await.ok(200);
    });
    let (_, listed) = community.listed(&ann).await;
    late.over().await;
    let shown: Vec<(&str, &str)> = listed
        .iter()
        .map(|one| {
            (
                one["user"]["username"].as_str().expect("a name"),
                one["latest_message"]["content"].as_str().expect("text"),
            )
        })
        .collect();
    let name = |user: &User| user.username.clone();
    let (b, c, e) = (name(&bob), name(&carl), name(&emil));
    assert_eq!(shown, [(b.as_str(), "Three"), (e.as_str(), "Two"), (c.as_str(), "One")]);
    stack.stop().await;
}

#[tokio::test]
async fn a_community_that_a_request_could_not_empty_is_emptied_by_the_worker() {
    let Some(stack) = FaultyStack::start().await else { return };
    for (operation, key) in [("BatchWriteItem", "MSG#"), ("UpdateItem", "closing"), ("DeleteItem", "META")] {
        println!("{operation} {key}");
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = &community.creator;
        community.write(&bob, ann, "What goes").await;
        let down = stack.dynamodb.when(move |call| call.asks(operation, key)).answer(500, ALWAYS);
        ann.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
        community.say(&bob, ann, "Is anybody there?").await;
        down.over().await;
        eventually("the end of a community", SOON, async || {
            let left =
                [stack.stored_with(&community.id).await, stack.stored_with(&format!("USER#{}", ann.id)).await].concat();
            // Notification states expire by themselves.
            let is_notice = |item: &Value| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("NOTIFICATION#"));
            left.iter().all(is_notice).then_some(())
        })
        .await;
    }
    stack.stop().await;
}
