//! `Idempotency-Key` of inbox messages: a replay is not delivered again.

use serde_json::json;
use uuid::Uuid;

use super::{INBOX_MESSAGES, contents, letter, limited, remaining, sent};
use crate::support::{Answer, Client, User, all_at_once};

const ANOTHER: &str = "This Idempotency-Key was already used for another request";

fn key() -> String {
    Uuid::new_v4().to_string()
}

async fn send(user: &User, sender: &Client, key: &str, content: &str) -> Answer {
    letter(sender, &user.username, content).key(key).send().await
}

/// Asserts that all answers have the same status and exactly the same body.
#[track_caller]
fn all_equal(answers: &[Answer]) {
    for answer in answers {
        assert_eq!((answer.status, answer.text()), (answers[0].status, answers[0].text()));
    }
}

#[tokio::test]
async fn the_same_message_10_times_at_once_is_stored_once_and_answered_10_times_alike() {
    let (user, sender, key) = (User::sign_up().await, Client::new(), key());
    let sends = (0..10).map(|_| {
        let (user, sender, key) = (user.clone(), sender.clone(), key.clone());
        async move { send(&user, &sender, &key, "only once, please").await }
    });
    let answers = all_at_once(sends).await;
    sent(&answers[0]);
    all_equal(&answers);
    assert_eq!(contents(&user).await, ["only once, please"]);

    // The ten requests count as one of the sender's five messages.
    for left in (0..4).rev() {
        let answer = user.receive_from(&sender, "another message").await;
        sent(&answer);
        assert_eq!(remaining(&answer), (left, 25 + left));
    }
    limited(&user.receive_from(&sender, "another message").await, INBOX_MESSAGES);
}

#[tokio::test]
async fn a_repeat_takes_nothing_from_the_limit_and_is_answered_when_the_window_is_full() {
    let (user, sender, key) = (User::sign_up().await, Client::new(), key());
    let first = send(&user, &sender, &key, "the first message").await;
    sent(&first);
    for _ in 0..6 {
        all_equal(&[first.clone(), send(&user, &sender, &key, "the first message").await]);
    }
    for left in (0..4).rev() {
        let answer = user.receive_from(&sender, "another message").await;
        sent(&answer);
        assert_eq!(remaining(&answer), (left, 25 + left));
    }
    limited(&user.receive_from(&sender, "once too often").await, INBOX_MESSAGES);
    for _ in 0..6 {
        all_equal(&[first.clone(), send(&user, &sender, &key, "the first message").await]);
    }
    limited(&send(&user, &sender, &self::key(), "once too often").await, INBOX_MESSAGES);
    assert_eq!(user.inbox().await.len(), 5);
}

/// Replays never count against the limit, not even for a moment: other messages must not be refused because of them.
#[tokio::test]
async fn repeats_that_are_under_way_take_no_place_from_a_new_message() {
    for round in 0..8 {
        let (user, sender, key) = (User::sign_up().await, Client::new(), key());
        sent(&send(&user, &sender, &key, "the first message").await);
        for _ in 0..3 {
            sent(&user.receive_from(&sender, "another message").await);
        }
        let calls = (0..9).map(|n| {
            let (user, sender, key) = (user.clone(), sender.clone(), key.clone());
            async move {
                match n {
                    4 => user.receive_from(&sender, "the fifth message").await,
                    _ => send(&user, &sender, &key, "the first message").await,
                }
            }
        });
        let answers = all_at_once(calls).await;
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [201; 9], "round {round}: the fifth one is the new message");
    }
}

#[tokio::test]
async fn a_sender_may_come_back_from_other_addresses() {
    let (user, key) = (User::sign_up().await, key());
    let sends = (0..20).map(|_| {
        let (user, key) = (user.clone(), key.clone());
        async move { send(&user, &Client::new(), &key, "from everywhere").await }
    });
    let answers = all_at_once(sends).await;
    sent(&answers[0]);
    all_equal(&answers);
    assert_eq!(contents(&user).await, ["from everywhere"]);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let (user, sender, key) = (User::sign_up().await, Client::new(), key());
    sent(&send(&user, &sender, &key, "the first body").await);
    send(&user, &sender, &key, "the second body").await.fails(422, ANOTHER);
    send(&user, &Client::new(), &key, "the First body").await.fails(422, ANOTHER);
    sent(&send(&user, &sender, &key, "the first body").await);
    assert_eq!(contents(&user).await, ["the first body"]);
    // The three replays did not count.
    let answer = user.receive_from(&sender, "another message").await;
    sent(&answer);
    assert_eq!(remaining(&answer), (3, 28));
}

#[tokio::test]
async fn of_two_bodies_that_race_with_one_key_one_is_stored() {
    let (user, key) = (User::sign_up().await, key());
    let sends = (0..20).map(|n| {
        let (user, key) = (user.clone(), key.clone());
        async move { send(&user, &Client::new(), &key, &format!("The body number {}", n % 2)).await }
    });
    let answers = all_at_once(sends).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((done.len(), refused.len()), (10, 10));
    done.into_iter().for_each(sent);
    refused.iter().for_each(|answer| answer.fails(422, ANOTHER));
    assert_eq!(user.inbox().await.len(), 1);
}

#[tokio::test]
async fn the_same_key_to_another_recipient_is_another_message() {
    let (user, other, sender, key) = (User::sign_up().await, User::sign_up().await, Client::new(), key());
    sent(&send(&user, &sender, &key, "a message here").await);
    sent(&send(&other, &sender, &key, "a message there").await);
    assert_eq!(contents(&user).await, ["a message here"]);
    assert_eq!(contents(&other).await, ["a message there"]);
}

#[tokio::test]
async fn a_refused_message_may_be_sent_again_with_its_key() {
    let (user, sender, key) = (User::sign_up().await, Client::new(), key());
    let switch = |on: bool| user.post("/api/accept-messages").json(&json!({ "acceptMessage": on })).send();
    switch(false).await.ok(200);
    send(&user, &sender, &key, "a message at last").await.fails(403, "User is not accepting messages");
    switch(true).await.ok(200);
    sent(&send(&user, &sender, &key, "a message at last").await);
    // A replay gets the first answer, whatever has changed since.
    switch(false).await.ok(200);
    sent(&send(&user, &sender, &key, "a message at last").await);
    send(&user, &sender, &self::key(), "a message at last").await.fails(403, "User is not accepting messages");
    assert_eq!(contents(&user).await, ["a message at last"]);
}

#[tokio::test]
async fn a_message_that_was_deleted_does_not_come_back_with_a_repeat() {
    let (user, sender, key) = (User::sign_up().await, Client::new(), key());
    sent(&send(&user, &sender, &key, "a message to delete").await);
    let message = user.inbox().await.remove(0);
    user.delete(&format!("/api/delete-message?messageId={}", super::id(&message))).send().await.ok(201);
    sent(&send(&user, &sender, &key, "a message to delete").await);
    assert_eq!(contents(&user).await, [] as [String; 0]);
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_ascii_characters() {
    let user = User::sign_up().await;
    let visible: String = ('!'..='~').collect();
    for good in [&"k".repeat(255), &visible, "k"] {
        sent(&send(&user, &Client::new(), good, "with a good key").await);
    }
    for bad in ["", &"k".repeat(256), "two words", "clé", "tab\there"] {
        println!("{bad:?}");
        let answer = send(&user, &Client::new(), bad, "with a bad key").await;
        answer.fails(400, "Idempotency-Key must be 1 to 255 visible ASCII characters");
    }
    assert_eq!(user.inbox().await.len(), 3);
}
