//! `DELETE /conversations/{conversationId}/messages/{messageId}`: the content is removed, the empty message stays.

use serde_json::{Value, json};
use uuid::Uuid;

use super::steps::{
    NO_MESSAGE, UNKNOWN, contents, conversation, delete, id, marked, only_conversation, pair, say, text, unread,
};
use crate::support::{User, all_at_once, everything_stored, stack_or_skip, texts, time};

const NOT_THE_SENDER: &str = "Only the sender can delete a message";

/// A deleted message as it is shown. `marks` are its delivered and seen marks.
#[track_caller]
fn is_what_is_left(left: &Value, of: &Value, marks: [&[&User]; 2]) {
    let [delivered, seen] = marks.map(|users| users.iter().map(|user| user.id.clone()).collect::<Vec<_>>());
    let whole = json!({
        "conversationId": of["conversationId"], "senderId": of["senderId"], "type": of["type"], "content": "",
        "media": [], "deliveredTo": delivered, "seenBy": seen, "isDeleted": true,
        "_id": of["_id"], "createdAt": of["createdAt"], "updatedAt": left["updatedAt"],
    });
    assert_eq!(left, &whole);
    assert!(time(&left["updatedAt"]) >= time(&of["createdAt"]), "{left}");
}

#[tokio::test]
async fn a_deleted_message_stays_without_what_it_said() {
    let ([ann, bob], sent) = pair(["One", "Two", "Three"]).await;
    let own = conversation(&sent[0]);
    marked(&bob, "seen", &sent[0]).await;
    marked(&bob, "delivered", &sent[1]).await;
    let marks: [[&[&User]; 2]; 3] = [[&[&bob], &[&bob]], [&[&bob], &[]], [&[], &[]]];
    for (n, marks) in [(1, marks[1]), (2, marks[2]), (0, marks[0])] {
        let left = delete(&ann, &sent[n]).await.processed(200);
        is_what_is_left(&left, &sent[n], marks);
        for user in [&ann, &bob] {
            let messages = user.messages(own).await;
            assert_eq!((messages.len(), &messages[2 - n]), (3, &left));
        }
    }
    assert_eq!(contents(&bob.messages(own).await), ["", "", ""]);
}

#[tokio::test]
async fn deleted_as_the_last_message_it_stays_the_last_one() {
    let ([ann, bob], sent) = pair(["One", "Two"]).await;
    let left = delete(&ann, &sent[1]).await.processed(200);
    for (user, unread) in [(&ann, 0), (&bob, 1)] {
        let listed = only_conversation(user).await;
        assert_eq!((&listed["lastMessage"], &listed["unreadCount"]), (&left, &json!(unread)));
    }
    let next = bob.write(&ann, "Three").await;
    assert_eq!(only_conversation(&ann).await["lastMessage"], next);
}

#[tokio::test]
async fn deleting_what_is_deleted_changes_nothing() {
    let ([ann, bob], sent) = pair(["One"]).await;
    let first = delete(&ann, &sent[0]).await.processed(200);
    for _ in 0..2 {
        assert_eq!(delete(&ann, &sent[0]).await.processed(200), first);
    }
    assert_eq!(bob.messages(conversation(&sent[0])).await, [first]);
    delete(&bob, &sent[0]).await.rejects(403, NOT_THE_SENDER);
}

#[tokio::test]
async fn a_message_that_is_deleted_many_times_at_once_is_deleted() {
    let ([ann, bob], sent) = pair(["One"]).await;
    let calls = (0..12).map(|_| {
        let (ann, message) = (ann.clone(), sent[0].clone());
        async move { delete(&ann, &message).await }
    });
    let lefts: Vec<Value> = all_at_once(calls).await.iter().map(|answer| answer.processed(200)).collect();
    let stored = bob.messages(conversation(&sent[0])).await.remove(0);
    for left in &lefts {
        is_what_is_left(left, &sent[0], [&[], &[]]);
        assert_eq!(left, &stored, "answered otherwise than it is shown");
    }
}

#[tokio::test]
async fn only_the_sender_can_delete_a_message() {
    let ([ann, bob], sent) = pair(["One"]).await;
    let own = conversation(&sent[0]);
    delete(&bob, &sent[0]).await.rejects(403, NOT_THE_SENDER);
    let answer = bob.write(&ann, "Two").await;
    delete(&ann, &answer).await.rejects(403, NOT_THE_SENDER);
    for unknown in [UNKNOWN, &ann.id, own, &"0".repeat(24)] {
        for user in [&ann, &bob] {
            let path = format!("/conversations/{own}/messages/{unknown}");
            user.delete(&path).send().await.rejects(404, NO_MESSAGE);
        }
    }
    assert_eq!(ann.messages(own).await, [answer, sent[0].clone()]);
}

#[tokio::test]
async fn nothing_of_what_was_deleted_is_left_in_the_table() {
    if stack_or_skip("reads the table").is_none() {
        return;
    }
    let ([ann, bob], _) = pair(["Something else"]).await;
    let secret = Uuid::new_v4().to_string();
    let plain = say(&ann, &bob, &format!("A secret: {secret}")).await.processed(200);
    let body = text(&format!("Another: {secret}"));
    let keyed = ann.letter(&bob.id, body.clone()).key("a-key").send().await;
    let is_stored = async || {
        let stored = everything_stored().await.expect("the table");
        stored.iter().flat_map(texts).any(|text| text.contains(&secret))
    };
    assert!(is_stored().await, "a test that would find nothing anyway");
    delete(&ann, &plain).await.processed(200);
    delete(&ann, &keyed.processed(200)).await.processed(200);
    assert!(!is_stored().await);
    // A replay of the send gets its first answer, and the content does not come back.
    let repeat = ann.letter(&bob.id, body).key("a-key").send().await;
    assert_eq!((repeat.status, repeat.text()), (200, keyed.text()));
    assert_eq!(contents(&bob.messages(conversation(&plain)).await), ["", "", "Something else"]);
    assert!(!is_stored().await);
}

#[tokio::test]
async fn deletions_race_with_messages_and_marks_and_change_no_count() {
    let ([ann, bob], sent) = pair(["1", "2", "3", "4", "5", "6"]).await;
    let calls = sent.iter().cloned().enumerate().map(|(n, message)| {
        let (ann, bob) = (ann.clone(), bob.clone());
        async move {
            match n % 3 {
                0 => drop(delete(&ann, &message).await.processed(200)),
                1 => drop(ann.write(&bob, "More").await),
                _ => drop(marked(&bob, "seen", &message).await),
            }
        }
    });
    all_at_once(calls.collect::<Vec<_>>()).await;
    let messages = bob.messages(conversation(&sent[0])).await;
    assert_eq!(contents(&messages), ["More", "More", "6", "5", "", "3", "2", ""]);
    assert_eq!(unread(&bob).await, 2);
    assert_eq!(id(&messages[7]), id(&sent[0]));
}
