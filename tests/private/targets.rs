//! Targets of messages, and all other endpoints with an id in their path.

use serde_json::{Value, json};

use super::steps::{
    NO_MESSAGE, NO_USER, NOT_A_MEMBER, TO_SELF, UNKNOWN, block, contents, conversation, id, mark, pair, reply, text,
    two, unblock,
};
use crate::inbox::table;
use crate::support::{Call, User, stack_or_skip};

/// Every endpoint with an id in its path, with `id` in its place, and the parameter's name.
fn calls(user: &User, id: &str) -> Vec<(&'static str, Call)> {
    let upto = json!({ "messageId": UNKNOWN });
    vec![
        ("userId", user.letter(id, text("Hello"))),
        ("conversationId", reply(user, id, &text("Hello"))),
        ("conversationId", user.get(&format!("/conversations/{id}/messages"))),
        ("conversationId", user.post(&format!("/conversations/{id}/delivered")).json(&upto)),
        ("conversationId", user.post(&format!("/conversations/{id}/seen")).json(&upto)),
        ("conversationId", user.delete(&format!("/conversations/{id}/messages/{UNKNOWN}"))),
        ("messageId", user.delete(&format!("/conversations/{UNKNOWN}/messages/{id}"))),
        ("userId", user.post(&format!("/users/{id}/block"))),
        ("userId", user.delete(&format!("/users/{id}/block"))),
    ]
}

#[tokio::test]
async fn an_id_is_24_hex_digits() {
    let [ann, bob] = two().await;
    let good = &bob.id;
    let malformed = [
        good[..23].to_owned(),
        format!("{good}0"),
        format!("{}g", &good[..23]),
        format!("{}-", &good[..23]),
        // A line end, a space, a NUL, a full-width digit, and a slash, each after decoding.
        format!("{good}%0A"),
        format!("%20{}", &good[1..]),
        format!("{}%00", &good[..23]),
        format!("{}%EF%BC%91", &good[..23]),
        format!("{}%2F{}", &good[..12], &good[12..]),
        format!("{}%2F", &good[..23]),
        "0".to_owned(),
        "null".to_owned(),
        "%F0%9F%A6%80".to_owned(),
        bob.username.clone(),
        "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
    ];
    for bad in &malformed {
        for (name, call) in calls(&ann, bad) {
            println!("{name}: {bad}");
            call.send().await.rejects(400, &format!("{name} must be an id of 24 hex digits"));
        }
    }
    assert!(ann.conversations().await.is_empty() && bob.conversations().await.is_empty());
}

#[tokio::test]
async fn a_message_goes_to_another_user_that_there_is() {
    let ([ann, bob], sent) = pair(["Hello"]).await;
    ann.letter(&ann.id, text("Note to self")).send().await.rejects(400, TO_SELF);
    for nobody in [UNKNOWN, &"0".repeat(24), &"f".repeat(24), id(&sent[0]), conversation(&sent[0])] {
        for user in [&ann, &bob] {
            user.letter(nobody, text("Is anybody there")).send().await.rejects(400, NO_USER);
        }
    }
    for user in [&ann, &bob] {
        assert_eq!(contents(&user.messages(conversation(&sent[0])).await), ["Hello"]);
        assert_eq!(user.conversations().await.len(), 1);
    }
}

#[tokio::test]
async fn only_its_two_users_can_do_anything_with_a_conversation() {
    let ([ann, bob], sent) = pair(["Between the two of us"]).await;
    let [message] = &sent[..] else { panic!("one message") };
    let own = conversation(message);
    let eve = User::sign_up().await;
    let other = eve.write(&ann, "Another conversation").await;
    let refused = async |own: &str, message: &str| {
        println!("{own}");
        reply(&eve, own, &text("Let me in")).send().await.rejects(403, NOT_A_MEMBER);
        eve.get(&format!("/conversations/{own}/messages")).send().await.rejects(403, NOT_A_MEMBER);
        for how in ["delivered", "seen"] {
            mark(&eve, how, own, message).await.rejects(403, NOT_A_MEMBER);
        }
        let path = format!("/conversations/{own}/messages/{message}");
        eve.delete(&path).send().await.rejects(403, NOT_A_MEMBER);
    };
    refused(own, id(message)).await;
    // To outsiders, existing and missing conversations look the same.
    refused(own, UNKNOWN).await;
    for nothing in [UNKNOWN, &ann.id, &eve.id, id(message)] {
        refused(nothing, id(message)).await;
    }
    for user in [&ann, &bob] {
        assert_eq!(user.messages(own).await, sent);
    }
    // A message can't be found under another conversation.
    let elsewhere = [(conversation(&other), message), (own, &other)];
    for (own, message) in elsewhere {
        for how in ["delivered", "seen"] {
            mark(&ann, how, own, id(message)).await.rejects(404, NO_MESSAGE);
        }
        let path = format!("/conversations/{own}/messages/{}", id(message));
        ann.delete(&path).send().await.rejects(404, NO_MESSAGE);
    }
    assert_eq!(ann.messages(own).await, sent);
    assert_eq!(eve.messages(conversation(&other)).await, [other]);
}

/// The table has the id that the conversation would get.
#[tokio::test]
async fn a_conversation_that_has_only_a_block_is_none() {
    let Some(stack) = stack_or_skip("reads the table") else { return };
    let [ann, bob] = two().await;
    block(&ann, &bob).await;
    let items = table::partition(stack, &format!("USER#{}", ann.id)).await;
    let side = items.iter().find_map(|item| item["sk"]["S"].as_str()?.strip_prefix("CONV#")).expect("a side");
    for blocks in [true, false] {
        if !blocks {
            unblock(&ann, &bob).await;
        }
        for user in [&ann, &bob] {
            assert_eq!(user.conversations().await, [] as [Value; 0]);
            reply(user, side, &text("Hello")).send().await.rejects(403, NOT_A_MEMBER);
            user.get(&format!("/conversations/{side}/messages")).send().await.rejects(403, NOT_A_MEMBER);
            for how in ["delivered", "seen"] {
                mark(user, how, side, UNKNOWN).await.rejects(403, NOT_A_MEMBER);
            }
            let path = format!("/conversations/{side}/messages/{UNKNOWN}");
            user.delete(&path).send().await.rejects(403, NOT_A_MEMBER);
        }
    }
    let first = bob.write(&ann, "The very first message").await;
    assert_eq!(conversation(&first), side);
    for user in [&ann, &bob] {
        assert_eq!(user.messages(side).await, std::slice::from_ref(&first));
        assert_eq!(user.conversations().await.len(), 1);
    }
}
