//! Sending a text to a user, and to their conversation.

use serde_json::{Value, json};

use super::steps::{all_messages, conversation, id, ids, only_conversation, places, reply, say, text, three, two};
use crate::support::{User, now, time};

fn is_id(value: &Value) -> bool {
    value.as_str().is_some_and(|id| id.len() == 24 && id.bytes().all(|digit| b"0123456789abcdef".contains(&digit)))
}

#[tokio::test]
async fn a_message_is_answered_as_documented() {
    let [ann, bob] = two().await;
    let before = now();
    let answer = say(&ann, &bob, "Hello").await;
    let message = answer.processed(200);
    let fields: Vec<&str> = message.as_object().expect("an object").keys().map(String::as_str).collect();
    let documented = [
        "conversationId",
        "senderId",
        "type",
        "content",
        "media",
        "deliveredTo",
        "seenBy",
        "isDeleted",
        "_id",
        "createdAt",
        "updatedAt",
    ];
    assert_eq!(fields, documented);
    let whole = json!({
        "conversationId": message["conversationId"], "senderId": ann.id, "type": "text", "content": "Hello",
        "media": [], "deliveredTo": [], "seenBy": [], "isDeleted": false,
        "_id": message["_id"], "createdAt": message["createdAt"], "updatedAt": message["createdAt"],
    });
    assert_eq!(message, whole);
    assert!(is_id(&message["_id"]) && is_id(&message["conversationId"]), "{message}");
    assert_ne!(message["_id"], message["conversationId"]);
    // A product at `BASE_URL` has another clock than this test.
    let created = time(&message["createdAt"]);
    assert!((created - before).abs() < time::Duration::minutes(5), "{created}");
    let millis = format!("{:012x}", created.unix_timestamp_nanos() / 1_000_000);
    assert_eq!(id(&message)[..12], millis, "an id begins with the moment of its making");
    assert_eq!(places(&answer), 59);
}

#[tokio::test]
async fn both_ways_to_send_lead_both_users_to_one_conversation() {
    let [ann, bob] = two().await;
    let first = ann.write(&bob, "From Ann to Bob").await;
    let own = conversation(&first);
    let mut sent = vec![first.clone(), bob.write(&ann, "From Bob to Ann").await];
    for (user, content) in [(&ann, "From Ann to both"), (&bob, "From Bob to both")] {
        sent.push(reply(user, own, &text(content)).send().await.processed(200));
    }
    assert!(sent.iter().all(|message| conversation(message) == own), "{sent:?}");
    let senders: Vec<_> = sent.iter().map(|message| message["senderId"].clone()).collect();
    assert_eq!(senders, [&ann, &bob, &ann, &bob].map(|user| json!(user.id)));
    sent.reverse();
    for (user, partner) in [(&ann, &bob), (&bob, &ann)] {
        assert_eq!(user.messages(own).await, sent);
        let listed = only_conversation(user).await;
        let partner = json!({ "_id": partner.id, "username": partner.username });
        let whole = json!({ "_id": own, "partner": partner, "lastMessage": sent[0], "unreadCount": 2 });
        assert_eq!(listed, whole);
        let fields: Vec<&str> = listed.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(fields, ["_id", "partner", "lastMessage", "unreadCount"]);
    }
}

#[tokio::test]
async fn each_two_users_have_a_conversation_of_their_own() {
    let [ann, bob, eve] = three().await;
    let mut conversations = Vec::new();
    for (from, to) in [(&ann, &bob), (&bob, &eve), (&eve, &ann)] {
        let message = from.write(to, "Between you and me").await;
        conversations.push(conversation(&message).to_owned());
        assert_eq!(conversation(&to.write(from, "Only you and me").await), conversation(&message));
    }
    let mut distinct = conversations.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 3);
    for user in [&ann, &bob, &eve] {
        assert_eq!(user.conversations().await.len(), 2);
    }
}

#[tokio::test]
async fn a_message_is_of_the_type_that_it_was_sent_as() {
    let [ann, bob] = two().await;
    for kind in ["text", "image", "video", "file"] {
        for media in [None, Some(json!(null)), Some(json!([]))] {
            let mut body = json!({ "content": "Hello", "type": kind });
            body.as_object_mut().expect("an object").extend(media.map(|media| ("media".to_owned(), media)));
            let message = ann.letter(&bob.id, body).send().await.processed(200);
            assert_eq!((&message["type"], &message["media"]), (&json!(kind), &json!([])));
        }
    }
}

#[tokio::test]
async fn messages_have_one_strict_order_which_is_that_of_their_sending() {
    let [ann, bob] = two().await;
    let mut sent = Vec::new();
    for n in 0..12 {
        let (from, to) = if n % 3 == 0 { (&bob, &ann) } else { (&ann, &bob) };
        sent.push(from.write(to, &n.to_string()).await);
    }
    assert!(ids(&sent).is_sorted_by(|older, newer| older < newer), "{:?}", ids(&sent));
    sent.reverse();
    assert_eq!(all_messages(&ann, conversation(&sent[0]), 5).await, sent);
}

#[tokio::test]
async fn what_was_sent_from_one_device_is_there_on_another() {
    let [ann, bob] = two().await;
    let message = ann.write(&bob, "From one device").await;
    let elsewhere: User = ann.on_new_device().await;
    let code = crate::support::code_for(&ann.email).await;
    elsewhere.post("/api/auth/devices/verify").json(&json!({ "code": code })).send().await.ok(200);
    assert_eq!(elsewhere.messages(conversation(&message)).await, std::slice::from_ref(&message));
    let another = elsewhere.write(&bob, "From another device").await;
    assert_eq!(ann.messages(conversation(&message)).await, [another, message]);
}
