//! The limit of private messages: 60 a minute per sender, to all recipients together.

use super::steps::{BLOCKED, NO_USER, TO_SELF, UNKNOWN, all_by, block, conversation, places, reply, say, text, two};
use crate::support::{Answer, Client, User, all_at_once, whole_number};

/// Asserts a 429 with its message and headers.
#[track_caller]
fn limited(answer: &Answer) {
    let seconds =
        whole_number(answer.header("retry-after").unwrap_or_else(|| panic!("no Retry-After: {}", answer.text())));
    assert!((1..=60).contains(&seconds), "Retry-After: {seconds}");
    let unit = if seconds == 1 { "second" } else { "seconds" };
    answer.rejects(429, &format!("Too many requests. Try again in {seconds} {unit}"));
    assert_eq!(answer.quota("private-messages", 60, 60), (0, seconds));
}

async fn received(user: &User) -> usize {
    let mut count = 0;
    for conversation in all_by(user, "/conversations", "conversations", 100).await {
        let path = format!("/conversations/{}/messages", super::steps::id(&conversation));
        count += all_by(user, &path, "messages", 100).await.len();
    }
    count
}

#[tokio::test]
async fn the_61st_message_a_minute_is_refused_wherever_it_goes() {
    let (ann, others) = (User::sign_up().await, User::many(4).await);
    let mut own = String::new();
    for left in (0..60).rev() {
        let answer = if left % 2 == 1 {
            say(&ann, &others[left as usize % 3], "Hello").await
        } else if own.is_empty() {
            say(&ann, &others[0], "Hello").await
        } else {
            reply(&ann, &own, &text("Hello")).send().await
        };
        own = conversation(&answer.processed(200)).to_owned();
        assert_eq!(places(&answer), left);
    }
    // To a recipient with messages, to one without, to a conversation, and from another device.
    limited(&say(&ann, &others[0], "One too many").await);
    limited(&say(&ann, &others[3], "One too many").await);
    limited(&reply(&ann, &own, &text("One too many")).send().await);
    let elsewhere = User { client: Client::new(), ..ann.clone() };
    limited(&say(&elsewhere, &others[0], "One too many").await);
    // Other senders are not affected.
    let answer = say(&others[0], &ann, "Hello").await;
    assert_eq!(places(&answer), 59);
    assert_eq!(received(&ann).await, 61);
    // Other requests are not limited.
    super::steps::marked(&ann, "seen", &answer.processed(200)).await;
    super::steps::delete(&others[0], &answer.processed(200)).await.processed(200);
}

#[tokio::test]
async fn what_is_refused_takes_nothing() {
    let [ann, bob] = two().await;
    assert_eq!(places(&say(&ann, &bob, "Hello").await), 59);
    block(&bob, &ann).await;
    for _ in 0..8 {
        say(&ann, &bob, "Hello").await.rejects(400, BLOCKED);
        ann.letter(UNKNOWN, text("Hello")).send().await.rejects(400, NO_USER);
        ann.letter(&ann.id, text("Hello")).send().await.rejects(400, TO_SELF);
        ann.letter(&bob.id, text("")).send().await.rejects(400, "content must be 1 to 5000 characters");
        reply(&ann, UNKNOWN, &text("Hello")).send().await.rejects(403, super::steps::NOT_A_MEMBER);
    }
    super::steps::unblock(&bob, &ann).await;
    assert_eq!(places(&say(&ann, &bob, "Hello").await), 58);
}

#[tokio::test]
async fn of_80_messages_at_once_exactly_60_are_accepted() {
    let (ann, others) = (User::sign_up().await, User::many(8).await);
    let sends = (0..80).map(|n| {
        let (ann, other) = (ann.clone(), others[n % 8].clone());
        async move { say(&ann, &other, "All of a sudden").await }
    });
    let answers = all_at_once(sends).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((accepted.len(), refused.len()), (60, 20));
    assert!(accepted.iter().all(|answer| places(answer) < 60));
    refused.into_iter().for_each(limited);
    assert_eq!(received(&ann).await, 60);
    let counted: u64 = ann.conversations().await.iter().filter_map(|listed| listed["unreadCount"].as_u64()).sum();
    assert_eq!(counted, 0);
}

#[tokio::test]
async fn a_repeat_is_answered_also_when_the_minute_is_full() {
    let [ann, bob] = two().await;
    let keyed = || ann.letter(&bob.id, text("The first one")).key("a-key").send();
    let first = keyed().await;
    assert_eq!(places(&first), 59);
    for left in (0..59).rev() {
        assert_eq!(places(&say(&ann, &bob, "Hello").await), left);
    }
    limited(&say(&ann, &bob, "One too many").await);
    let again = keyed().await;
    assert_eq!((again.text(), places(&again)), (first.text(), 0));
    limited(&ann.letter(&bob.id, text("One too many")).key("another-key").send().await);
    let messages = bob.messages(conversation(&first.processed(200))).await;
    assert_eq!(messages.len(), 60);
}
