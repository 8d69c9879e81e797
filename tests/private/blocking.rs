//! A block stops every message between the two that begins after its answer, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use super::steps::{
    BLOCKED, block, contents, conversation, delete, marked, pair, reply, say, text, three, two, unblock, unread,
};
use crate::support::{Answer, Call, FaultyStack, SOON, User, all_at_once, eventually, line_of};

/// Asserts that neither can send a message to the other one, by either endpoint.
async fn nothing_passes(users: [&User; 2], conversation: Option<&str>) {
    for (from, to) in [(users[0], users[1]), (users[1], users[0])] {
        say(from, to, "Can you hear me").await.rejects(400, BLOCKED);
        if let Some(conversation) = conversation {
            reply(from, conversation, &text("Can you hear me")).send().await.rejects(400, BLOCKED);
        }
    }
}

#[tokio::test]
async fn a_block_stops_messages_both_ways_until_it_is_taken_back() {
    let ([ann, bob], sent) = pair(["Before the block"]).await;
    let stack = conversation(&sent[0]);
    block(&ann, &bob).await;
    nothing_passes([&ann, &bob], Some(stack)).await;
    unblock(&ann, &bob).await;
    for (from, to) in [(&bob, &ann), (&ann, &bob)] {
        from.write(to, "After the block").await;
        reply(from, stack, &text("After the block")).send().await.processed(200);
    }
    let expected = [["After the block"; 4].as_slice(), &["Before the block"]].concat();
    assert_eq!(contents(&ann.messages(stack).await), expected);
    assert_eq!((unread(&ann).await, unread(&bob).await), (2, 3));
}

#[tokio::test]
async fn a_block_before_any_message_stops_the_first_one() {
    let [ann, bob, eve] = three().await;
    block(&ann, &bob).await;
    nothing_passes([&ann, &bob], None).await;
    for (from, to) in [(&ann, &eve), (&eve, &bob), (&bob, &eve), (&eve, &ann)] {
        from.write(to, "Not for the one who is blocked").await;
    }
    unblock(&ann, &bob).await;
    let first = bob.write(&ann, "At last").await;
    assert_eq!(contents(&ann.messages(conversation(&first)).await), ["At last"]);
    assert_eq!((ann.conversations().await.len(), bob.conversations().await.len()), (2, 2));
}

#[tokio::test]
async fn of_two_blocks_each_must_be_taken_back() {
    let ([ann, bob], sent) = pair(["Before the block"]).await;
    let stack = conversation(&sent[0]);
    for _ in 0..2 {
        block(&ann, &bob).await;
    }
    block(&bob, &ann).await;
    unblock(&ann, &bob).await;
    nothing_passes([&ann, &bob], Some(stack)).await;
    unblock(&bob, &ann).await;
    ann.write(&bob, "After both").await;
    // One DELETE removes a block that was made several times. Another one changes nothing.
    unblock(&ann, &bob).await;
    bob.write(&ann, "After both").await;
}

/// Answers and costs are the same for both users, so that a user can't tell who blocked whom.
#[tokio::test]
async fn who_blocked_whom_is_not_told() {
    let ([ann, bob], sent) = pair(["Before the block"]).await;
    let stack = conversation(&sent[0]);
    block(&ann, &bob).await;
    for (from, to) in [(&ann, &bob), (&bob, &ann)] {
        for answer in [say(from, to, "Hello").await, reply(from, stack, &text("Hello")).send().await] {
            answer.rejects(400, BLOCKED);
            assert_eq!((answer.header("ratelimit"), answer.header("retry-after")), (None, None));
        }
    }
    let data = bob.get("/users/blocked").send().await.processed(200);
    assert_eq!(data, json!({ "users": [], "nextCursor": null }));
    // The conversation does not show it either.
    assert_eq!(bob.messages(stack).await, sent);
    let listed = super::steps::only_conversation(&bob).await;
    assert_eq!((&listed["partner"]["username"], &listed["unreadCount"]), (&json!(ann.username), &json!(1)));
}

#[tokio::test]
async fn a_block_stops_neither_reading_nor_marks_nor_deletion() {
    let ([ann, bob], sent) = pair(["One", "Two", "Three"]).await;
    block(&ann, &bob).await;
    assert_eq!(contents(&bob.messages(conversation(&sent[0])).await), ["Three", "Two", "One"]);
    assert_eq!(marked(&bob, "delivered", &sent[2]).await, 3);
    assert_eq!(marked(&bob, "seen", &sent[1]).await, 1);
    delete(&ann, &sent[0]).await.processed(200);
    let messages = ann.messages(conversation(&sent[0])).await;
    assert_eq!(contents(&messages), ["Three", "Two", ""]);
    assert_eq!(messages[1]["seenBy"], json!([bob.id]));
    // The marks did not remove the block.
    nothing_passes([&ann, &bob], Some(conversation(&sent[0]))).await;
}

#[tokio::test]
async fn what_was_sent_before_a_block_is_answered_again_to_its_key() {
    let [ann, bob] = two().await;
    let send = || ann.letter(&bob.id, text("Before the block")).key("a-key").send();
    let first = send().await;
    first.processed(200);
    block(&bob, &ann).await;
    assert_eq!(send().await.text(), first.text());
    let other = ann.letter(&bob.id, text("Before the block")).key("another-key").send().await;
    other.rejects(400, BLOCKED);
    unblock(&bob, &ann).await;
    // The refused message's key was not stored.
    let message = ann.letter(&bob.id, text("Before the block")).key("another-key").send().await.processed(200);
    assert_eq!(bob.messages(conversation(&message)).await.len(), 2);
}

/// The message's reads find no block; the block comes before its write.
#[tokio::test]
async fn a_block_that_overtakes_a_message_stops_it() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (begun, by_sender) in [(true, true), (true, false), (false, true), (false, false)] {
        println!("in a conversation: {begun}, by its sender: {by_sender}");
        let [ann, bob] = two().await;
        if begun {
            bob.write(&ann, "Before the block").await;
        }
        let blocker = if by_sender { (ann.clone(), bob.clone()) } else { (bob.clone(), ann.clone()) };
        let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Overtaken"));
        let overtaken = write.first(async move { block(&blocker.0, &blocker.1).await });
        let answer = say(&ann, &bob, "Overtaken").await;
        overtaken.over().await;
        answer.rejects(400, BLOCKED);
        let (_, line) = line_of(&stack.stack, &answer).await;
        assert_eq!(line["write_units"].as_f64(), Some(0.0), "{line}");
        assert!(stack.stored_with("Overtaken").await.is_empty());
    }
    stack.stop().await;
}

/// Sends the same message until `over` is set, and then three times more. Returns each start time and status.
async fn hammer(send: impl Fn() -> Call, is_over: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> Vec<(Instant, Answer)> {
    let (mut attempts, mut more) = (Vec::new(), 3);
    while more > 0 && attempts.len() < 25 {
        if is_over.load(Ordering::SeqCst) {
            more -= 1;
        }
        let started = Instant::now();
        attempts.push((started, send().send().await));
        done.fetch_add(1, Ordering::SeqCst);
    }
    attempts
}

#[tokio::test]
async fn a_block_that_answered_before_a_send_started_stops_it_also_under_load() {
    for round in 0..6 {
        let ([ann, bob], sent) = pair(["Before the block"]).await;
        let stack = conversation(&sent[0]).to_owned();
        let (is_over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let senders = [(&ann, &bob), (&bob, &ann)].map(|(from, to)| {
            let (from, to, stack) = (from.clone(), to.clone(), stack.clone());
            let (is_over, done) = (is_over.clone(), done.clone());
            async move {
                let to_user = || from.letter(&to.id, text("Again and again"));
                let to_both = || reply(&from, &stack, &text("Again and again"));
                let (one, other) = tokio::join!(
                    hammer(to_user, is_over.clone(), done.clone()),
                    hammer(to_both, is_over.clone(), done.clone())
                );
                [one, other].concat()
            }
        });
        let senders = tokio::spawn(all_at_once(senders));
        eventually("some messages", SOON, async || (done.load(Ordering::SeqCst) > 4 + round).then_some(())).await;
        let (blocker, blocked) = if round % 2 == 0 { (&ann, &bob) } else { (&bob, &ann) };
        block(blocker, blocked).await;
        let answered = Instant::now();
        is_over.store(true, Ordering::SeqCst);
        let attempts = senders.await.expect("senders who do not panic").into_iter().flatten();
        let (after, before): (Vec<_>, Vec<_>) = attempts.partition(|(started, _)| *started > answered);
        assert!(after.len() >= 8 && before.len() > 4, "{} before, {} after", before.len(), after.len());
        for (_, answer) in &after {
            answer.rejects(400, BLOCKED);
        }
        let mut passed = 0;
        for (_, answer) in &before {
            match answer.status {
                200 => passed += 1,
                _ => answer.rejects(400, BLOCKED),
            }
        }
        assert!(passed > 0, "nothing was sent before the block");
        assert_eq!(ann.messages(&stack).await.len(), passed + 1);
    }
}
