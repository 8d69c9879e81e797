//! `Idempotency-Key` of private messages: a replay is not written again.

use serde_json::{Value, json};

use super::steps::{
    NO_USER, NOT_A_MEMBER, UNKNOWN, contents, conversation, pair, places, reply, say, text, three, two,
};
use crate::support::{Answer, User, all_at_once};

const ANOTHER: &str = "This Idempotency-Key was already used for another request";

async fn send(from: &User, to: &User, content: &str, key: &str) -> Answer {
    from.letter(&to.id, text(content)).key(key).send().await
}

#[track_caller]
fn alike(one: &Answer, other: &Answer) {
    assert_eq!((one.status, one.text()), (other.status, other.text()));
}

#[tokio::test]
async fn a_message_sent_again_with_its_key_is_answered_again_and_takes_nothing() {
    let [ann, bob] = two().await;
    let first = send(&ann, &bob, "Hello", "a-key").await;
    let message = first.processed(200);
    assert_eq!(places(&first), 59);
    for _ in 0..5 {
        let again = send(&ann, &bob, "Hello", "a-key").await;
        alike(&again, &first);
        assert_eq!(places(&again), 59);
    }
    assert_eq!(bob.messages(conversation(&message)).await, std::slice::from_ref(&message));
    assert_eq!(places(&say(&ann, &bob, "Another").await), 58);
    // The same for a send to the conversation.
    let own = conversation(&message);
    let first = reply(&ann, own, &text("Hello")).key("a-key").send().await;
    alike(&reply(&ann, own, &text("Hello")).key("a-key").send().await, &first);
    assert_eq!(contents(&bob.messages(own).await), ["Hello", "Another", "Hello"]);
    assert_eq!(places(&say(&ann, &bob, "Another").await), 56);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let [ann, bob] = two().await;
    let first = send(&ann, &bob, "Hello", "a-key").await;
    let message = first.processed(200);
    send(&ann, &bob, "hello", "a-key").await.rejects(422, ANOTHER);
    let other = json!({ "content": "Hello", "type": "file" });
    ann.letter(&bob.id, other).key("a-key").send().await.rejects(422, ANOTHER);
    alike(&send(&ann, &bob, "Hello", "a-key").await, &first);
    assert_eq!(bob.messages(conversation(&message)).await, [message]);
    assert_eq!(places(&say(&ann, &bob, "Another").await), 58);
}

#[tokio::test]
async fn of_two_bodies_that_race_with_one_key_one_is_written() {
    let [ann, bob] = two().await;
    let sends = (0..16).map(|n| {
        let (ann, bob) = (ann.clone(), bob.clone());
        async move { send(&ann, &bob, &format!("The body {}", n % 2), "a-key").await }
    });
    let answers = all_at_once(sends).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((done.len(), refused.len()), (8, 8));
    done.iter().for_each(|answer| alike(answer, done[0]));
    refused.iter().for_each(|answer| answer.rejects(422, ANOTHER));
    let message = done[0].processed(200);
    assert_eq!(bob.messages(conversation(&message)).await, [message]);
}

#[tokio::test]
async fn a_key_is_its_users_own_and_good_for_one_recipient() {
    let [ann, bob, eve] = three().await;
    let pairs = [(&ann, &bob), (&bob, &ann), (&ann, &eve), (&eve, &bob), (&bob, &eve)];
    let mut messages: Vec<Value> = Vec::new();
    for (from, to) in pairs {
        let message = send(from, to, "Hello", "a-key").await.processed(200);
        assert_eq!(message["senderId"], from.id);
        assert!(messages.iter().all(|other| other["_id"] != message["_id"]));
        messages.push(message);
    }
    assert_eq!(ann.messages(conversation(&messages[0])).await.len(), 2);
    assert_eq!(ann.messages(conversation(&messages[2])).await.len(), 1);
}

#[tokio::test]
async fn a_refused_message_may_be_sent_again_with_its_key() {
    let ([ann, bob], sent) = pair(["Hello"]).await;
    let eve = User::sign_up().await;
    let own = conversation(&sent[0]);
    ann.letter(&bob.id, text("")).key("a-key").send().await.rejects(400, "content must be 1 to 5000 characters");
    ann.letter(UNKNOWN, text("Hello")).key("a-key").send().await.rejects(400, NO_USER);
    reply(&eve, own, &text("Hello")).key("a-key").send().await.rejects(403, NOT_A_MEMBER);
    send(&ann, &bob, "Hello again", "a-key").await.processed(200);
    ann.letter(UNKNOWN, text("Hello")).key("a-key").send().await.rejects(400, NO_USER);
    eve.write(&ann, "Hello").await;
    assert_eq!(contents(&bob.messages(own).await), ["Hello again", "Hello"]);
}

#[tokio::test]
async fn a_repeat_answers_with_the_message_as_it_was() {
    let [ann, bob] = two().await;
    let first = send(&ann, &bob, "Hello", "a-key").await;
    let message = first.processed(200);
    super::steps::marked(&bob, "seen", &message).await;
    super::steps::delete(&ann, &message).await.processed(200);
    alike(&send(&ann, &bob, "Hello", "a-key").await, &first);
    assert_eq!(contents(&bob.messages(conversation(&message)).await), [""]);
}

/// A key does not replace a session.
#[tokio::test]
async fn a_repeat_needs_a_session_too() {
    let [ann, bob] = two().await;
    send(&ann, &bob, "Hello", "a-key").await.processed(200);
    let elsewhere = ann.on_new_device().await;
    send(&elsewhere, &bob, "Hello", "a-key").await.rejects(401, super::steps::NOT_TRUSTED);
    elsewhere.post("/api/auth/sign-out").send().await.ok(200);
    send(&elsewhere, &bob, "Hello", "a-key").await.rejects(401, super::steps::NOT_AUTHENTICATED);
    let call = ann.client.post(&format!("/message/send/{}", bob.id)).json(&text("Hello")).key("a-key");
    call.send().await.rejects(401, super::steps::NOT_AUTHENTICATED);
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_ascii_characters() {
    let [ann, bob] = two().await;
    let visible: String = ('!'..='~').collect();
    for good in [&"k".repeat(255), &visible, "k"] {
        send(&ann, &bob, "With a good key", good).await.processed(200);
    }
    for bad in ["", &"k".repeat(256), "two words", "clé", "tab\there"] {
        println!("{bad:?}");
        let answer = send(&ann, &bob, "With a bad key", bad).await;
        answer.rejects(400, "Idempotency-Key must be 1 to 255 visible ASCII characters");
    }
    let own = bob.conversations().await[0]["_id"].as_str().expect("an id").to_owned();
    assert_eq!(bob.messages(&own).await.len(), 3);
}
