//! The sender can delete the last message of a conversation.

use serde_json::json;

use super::steps::{NO_MESSAGE, NOT_THE_LAST, NOT_THE_SENDER, UNKNOWN, UNKNOWN_UUID, contents, id};
use crate::support::{Answer, Community, User, all_at_once};

#[track_caller]
fn deleted(answer: &Answer) {
    answer.is(200, json!({ "message": "Message deleted successfully" }));
}

#[tokio::test]
async fn the_last_message_can_be_taken_back_by_who_sent_it() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    let first = community.write(&bob, ann, "One").await;
    let second = community.write(&bob, ann, "Two").await;
    let third = community.write(ann, &bob, "Three").await;
    community.delete(&bob, &second).await.denies(403, NOT_THE_LAST);
    community.delete(&bob, &first).await.denies(403, NOT_THE_LAST);
    community.delete(&bob, &third).await.denies(403, NOT_THE_SENDER);
    community.delete(ann, &first).await.denies(403, NOT_THE_SENDER);
    assert_eq!(community.all(ann, &bob).await.len(), 3);

    deleted(&community.delete(ann, &third).await);
    community.delete(ann, &third).await.denies(404, NO_MESSAGE);
    let (total, listed) = community.listed(ann).await;
    assert_eq!((total, &listed[0]["id"], &listed[0]["latest_message"]["id"]), (1, &first["id"], &second["id"]));
    assert_eq!(
        (&listed[0]["updated_at"], &listed[0]["latest_message"]["sender"]["id"]),
        (&second["updated_at"], &json!(bob.id))
    );
    deleted(&community.delete(&bob, &second).await);
    let fourth = community.write(ann, &bob, "Four").await;
    community.delete(&bob, &second).await.denies(404, NO_MESSAGE);
    assert_eq!(community.all(&bob, ann).await, [first, fourth]);
}

#[tokio::test]
async fn a_conversation_ends_with_its_only_message_and_begins_anew_with_another_one() {
    let (community, [bob, carl]) = Community::with_members::<2>().await;
    let ann = &community.creator;
    community.write(&carl, ann, "Another one's").await;
    for round in 0..3 {
        let message = community.write(ann, &bob, "Only this").await;
        let (total, listed) = community.listed(ann).await;
        assert_eq!((total, &listed[0]["id"]), (2, &message["id"]), "in round {round}");
        deleted(&community.delete(ann, &message).await);
        assert_eq!(community.listed(&bob).await, (0, Vec::new()));
        assert_eq!(community.listed(ann).await.0, 1);
        assert!(community.all(&bob, ann).await.is_empty());
    }
}

#[tokio::test]
async fn an_id_of_no_message_can_not_be_deleted() {
    let (community, [bob, carl]) = Community::with_members::<2>().await;
    let ann = &community.creator;
    let mut sent = Vec::new();
    for n in 0..9 {
        sent.push(community.write(&bob, ann, &format!("{n}")).await);
    }
    let path = |id: &str| format!("{}/{id}", community.messages_path());
    for bad in ["x", "me", UNKNOWN, UNKNOWN_UUID, "%00", "00000000-0000-0000-0000-000000000000"] {
        bob.delete(&path(bad)).send().await.denies(404, NO_MESSAGE);
    }
    // Ids of the same conversation that were never used: before all messages, between two, and after all.
    for message in &sent {
        let bytes = id(message);
        let other = if &bytes[15..18] == "fff" { "000" } else { "fff" };
        let made_up = format!("{}{other}{}", &bytes[..15], &bytes[18..]);
        bob.delete(&path(&made_up)).send().await.denies(404, NO_MESSAGE);
        for other in [&carl, ann, &User::sign_up().await] {
            community.delete(other, message).await.denies(403, NOT_THE_SENDER);
        }
    }
    for early in ["00000000", "ffffffff"] {
        bob.delete(&path(&format!("{early}{}", &id(&sent[0])[8..]))).send().await.denies(404, NO_MESSAGE);
    }
    for message in &sent[..8] {
        community.delete(&bob, message).await.denies(403, NOT_THE_LAST);
    }
    assert_eq!(community.all(ann, &bob).await, sent);
}

#[tokio::test]
async fn members_who_left_or_are_blocked_may_still_delete_their_last_message() {
    let (community, [left, blocked]) = Community::with_members::<2>().await;
    let ann = &community.creator;
    for member in [&left, &blocked] {
        for content in ["One", "Two", "Three"] {
            community.write(member, ann, content).await;
        }
    }
    community.leave(&left).await.ok(200);
    community.block(&blocked).await.ok(200);
    for member in [&left, &blocked] {
        let last = community.all(member, ann).await.pop().expect("a message");
        deleted(&community.delete(member, &last).await);
        assert_eq!(contents(&community.all(ann, member).await), ["One", "Two"]);
    }
    assert_eq!(community.listed(ann).await.0, 1);
    community.unblock(&blocked).await.ok(200);
    let (total, listed) = community.listed(ann).await;
    let last = community.all(ann, &blocked).await.pop().expect("a message");
    let found = listed.iter().find(|one| one["user"]["id"] == blocked.id).expect("the conversation");
    assert_eq!(
        (total, &found["latest_message"]["content"], &found["updated_at"]),
        (2, &json!("Two"), &last["updated_at"])
    );
    // All messages are deleted during the block: the conversation was not counted any more, and must not be uncounted twice.
    community.block(&blocked).await.ok(200);
    for message in community.all(&blocked, ann).await.iter().rev() {
        deleted(&community.delete(&blocked, message).await);
    }
    assert_eq!(community.listed(ann).await.0, 1);
    community.unblock(&blocked).await.ok(200);
    assert_eq!(community.listed(ann).await.0, 1);
    community.write(&blocked, ann, "Anew").await;
    assert_eq!(community.listed(ann).await.0, 2);
}

#[tokio::test]
async fn of_many_deletions_of_one_message_one_is_done() {
    let (community, [bob]) = Community::with_members::<1>().await;
    for count in [1, 2] {
        let mut last = serde_json::Value::Null;
        for n in 0..count {
            last = community.write(&bob, &community.creator, &format!("{n}")).await;
        }
        let deletions = (0..12).map(|_| {
            let (community, bob, last) = (community.clone(), bob.clone(), last.clone());
            async move { community.delete(&bob, &last).await }
        });
        let answers = all_at_once(deletions).await;
        let (done, gone): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(done.len(), 1);
        gone.iter().for_each(|answer| answer.denies(404, NO_MESSAGE));
        assert_eq!(community.all(&bob, &community.creator).await.len(), count - 1);
        assert_eq!(community.listed(&bob).await.0, count as u64 - 1);
    }
}
