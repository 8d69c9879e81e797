//! Concurrent messages: there is one conversation in one order, and counts are right.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::steps::{
    all_messages, contents, conversation, id, ids, only_conversation, pair, reply, say, text, two, unread,
};
use crate::support::{Answer, User, all_at_once, time};

/// Each of the two sends that many messages to the other one, all at once. Returns the answers.
async fn burst(users: &[User; 2], each: usize) -> Vec<Answer> {
    let sends = (0..2 * each).map(|n| {
        let (from, to) = (users[n % 2].clone(), users[1 - n % 2].clone());
        async move { say(&from, &to, &format!("The message {n}")).await }
    });
    all_at_once(sends).await
}

/// Asserts that both users have one conversation with exactly these messages, in one strict order.
async fn have_them_all([ann, bob]: &[User; 2], messages: &[Value], unread_by_each: u64) {
    let own = conversation(&messages[0]);
    let sent: BTreeSet<&str> = ids(messages).into_iter().collect();
    assert_eq!(sent.len(), messages.len());
    assert!(messages.iter().all(|message| conversation(message) == own));
    let listed = all_messages(ann, own, 100).await;
    assert_eq!(all_messages(bob, own, 7).await, listed);
    assert!(ids(&listed).is_sorted_by(|newer, older| newer > older), "{:?}", ids(&listed));
    for message in messages {
        let listed = listed.iter().find(|listed| id(listed) == id(message));
        assert_eq!(listed, Some(message));
    }
    assert_eq!(listed.len(), messages.len());
    for (user, partner) in [(ann, bob), (bob, ann)] {
        let partner = json!({ "_id": partner.id, "username": partner.username });
        let whole = json!({ "_id": own, "partner": partner, "lastMessage": listed[0], "unreadCount": unread_by_each });
        assert_eq!(only_conversation(user).await, whole);
    }
}

#[tokio::test]
async fn fifty_first_messages_from_both_sides_begin_one_conversation() {
    let users = two().await;
    let messages: Vec<Value> = burst(&users, 25).await.iter().map(|answer| answer.processed(200)).collect();
    have_them_all(&users, &messages, 25).await;
}

#[tokio::test]
async fn messages_to_the_user_and_to_the_conversation_race_into_one_order() {
    let (users, sent) = pair(["The first one"]).await;
    let own = conversation(&sent[0]).to_owned();
    let sends = (0..30).map(|n| {
        let (from, to, own) = (users[n % 2].clone(), users[1 - n % 2].clone(), own.clone());
        async move {
            let body = text(&format!("The message {n}"));
            let call = if n % 3 == 0 { reply(&from, &own, &body) } else { from.letter(&to.id, body) };
            call.send().await
        }
    });
    let answers = all_at_once(sends).await;
    let mut messages: Vec<Value> = answers.iter().map(|answer| answer.processed(200)).collect();
    let whole: Vec<String> = (0..30).map(|n| format!("The message {n}")).collect();
    assert_eq!(contents(&messages), whole);
    // One of them had one message more at the beginning.
    let seen = super::steps::marked(&users[1], "seen", &sent[0]).await;
    assert_eq!(seen, 15);
    let first = users[0].messages(&own).await.pop().expect("the first message");
    assert_eq!((id(&first), &first["seenBy"]), (id(&sent[0]), &json!([users[1].id])));
    messages.push(first);
    have_them_all(&users, &messages, 15).await;
}

/// One user has many conversations at once.
#[tokio::test]
async fn first_messages_from_many_users_to_one_begin_as_many_conversations() {
    let (ann, others) = (User::sign_up().await, User::many(12).await);
    let sends = others.iter().flat_map(|other| {
        let (there, back) = ((other.clone(), ann.clone()), (ann.clone(), other.clone()));
        [there.clone(), back, there].map(|(from, to)| async move { say(&from, &to, "Hello").await })
    });
    let answers = all_at_once(sends.collect::<Vec<_>>()).await;
    answers.iter().for_each(|answer| drop(answer.processed(200)));
    let listed = ann.conversations().await;
    assert_eq!(listed.len(), 12);
    assert!(listed.iter().all(|conversation| conversation["unreadCount"] == 2));
    let last: Vec<&str> = listed.iter().map(|listed| id(&listed["lastMessage"])).collect();
    assert!(last.is_sorted_by(|newer, older| newer > older), "{last:?}");
    for other in &others {
        assert_eq!(unread(other).await, 1);
    }
}

/// Under load ids can run ahead of the clock. A message's update time is never before its creation.
#[tokio::test]
async fn no_message_was_updated_before_it_was_created() {
    let users = two().await;
    for answer in burst(&users, 15).await {
        let message = answer.processed(200);
        assert_eq!(message["updatedAt"], message["createdAt"]);
        time(&message["createdAt"]);
    }
}

#[tokio::test]
async fn one_message_30_times_at_once_with_one_key_is_stored_once_and_answered_alike() {
    let [ann, bob] = two().await;
    let sends = (0..30).map(|_| {
        let call = ann.letter(&bob.id, text("Only once, please")).key("a-key");
        async move { call.send().await }
    });
    let answers = all_at_once(sends).await;
    let message = answers[0].processed(200);
    for answer in &answers {
        assert_eq!((answer.status, answer.text()), (200, answers[0].text()));
        assert!(answer.quota("private-messages", 60, 60).0 >= 59);
    }
    for user in [&ann, &bob] {
        assert_eq!(user.messages(conversation(&message)).await, std::slice::from_ref(&message));
    }
    assert_eq!((unread(&ann).await, unread(&bob).await), (0, 1));
    assert_eq!(super::steps::places(&say(&ann, &bob, "Another one").await), 58);
}
