//! Valid and invalid contents of messages.

use serde_json::{Value, json};

use super::steps::{BLANK, TOO_LONG, contents};
use crate::support::{BLANK_TEXTS, Community, User};

async fn send(community: &Community, from: &User, content: Value) -> crate::support::Answer {
    let body = json!({ "recipient_id": community.creator.id, "content": content });
    community.letter(from, &body).send().await
}

#[tokio::test]
async fn content_is_up_to_5000_characters_whatever_these_are() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let mut sent = Vec::new();
    for one in ["a", "ä", "語", "🦀", "\u{10FFFF}"] {
        println!("{one:?}");
        for length in [1, 5_000] {
            let message = send(&community, &bob, json!(one.repeat(length))).await.ok(201);
            assert_eq!(message["content"], one.repeat(length));
            sent.push(message);
        }
        send(&community, &bob, json!(one.repeat(5_001))).await.denies_message(422, TOO_LONG);
    }
    send(&community, &bob, json!("a".repeat(60_000))).await.denies_message(422, TOO_LONG);
    // In the longest JSON escape: twelve bytes per character.
    let escaped = r"\ud83e\udd80".repeat(5_000);
    let escaped = format!(r#"{{"recipient_id":"{}","content":"{escaped}"}}"#, community.creator.id);
    let message = bob.post(&community.messages_path()).bytes("application/json", escaped).send().await.ok(201);
    assert_eq!(message["content"], "🦀".repeat(5_000));
    sent.push(message);
    let kept = "one\ttwo\r\nthree\n \u{200b}four\u{e9}e\u{301} ";
    sent.push(send(&community, &bob, json!(kept)).await.ok(201));
    let listed = community.all(&community.creator, &bob).await;
    assert!(listed == sent, "{} of {}", listed.len(), sent.len());
    assert_eq!(contents(&listed).last(), Some(&kept));
}

#[tokio::test]
async fn content_that_is_missing_null_or_shows_nothing_is_blank() {
    let (community, [bob]) = Community::with_members::<1>().await;
    for one in BLANK_TEXTS {
        println!("{one:?}");
        send(&community, &bob, json!(one)).await.denies_message(422, BLANK);
    }
    for blank in [json!(""), json!(BLANK_TEXTS.concat()), json!(" ".repeat(5_001)), Value::Null] {
        send(&community, &bob, blank).await.denies_message(422, BLANK);
    }
    let missing = json!({ "recipient_id": community.creator.id });
    community.letter(&bob, &missing).send().await.denies_message(422, BLANK);
    community.letter(&bob, &json!({})).send().await.denies_message(422, BLANK);
    assert_eq!(community.listed(&bob).await, (0, Vec::new()));
    send(&community, &bob, json!(" .\u{200b}")).await.ok(201);
}

#[tokio::test]
async fn content_is_text_without_control_characters() {
    let (community, [bob]) = Community::with_members::<1>().await;
    for wrong in [json!(5), json!(true), json!(["Hello"]), json!({ "text": "Hello" }), json!(0.5)] {
        send(&community, &bob, wrong).await.denies_message(422, "content must be text");
    }
    for control in ('\u{0}'..' ').filter(|control| !['\t', '\n', '\r'].contains(control)) {
        let message = "content must not contain control characters";
        send(&community, &bob, json!(format!("some {control} more"))).await.denies_message(422, message);
    }
    assert_eq!(community.listed(&bob).await, (0, Vec::new()));
}

#[tokio::test]
async fn a_body_that_is_no_message_is_refused() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let call = || bob.post(&community.messages_path());
    let json = |body: &'static str| call().bytes("application/json", body).send();
    for (body, message) in [
        ("", "The body is not valid JSON"),
        ("{", "The body is not valid JSON"),
        ("{} {}", "The body is not valid JSON"),
        (r#"{"content":"\ud800"}"#, "The body is not valid JSON"),
        ("[]", "The body must be a JSON object"),
        ("null", "The body must be a JSON object"),
        (r#""content""#, "The body must be a JSON object"),
    ] {
        println!("{body}");
        json(body).await.denies_message(422, message);
    }
    let latin = b"{\"content\":\"\xe4\"}".to_vec();
    call().bytes("application/json", latin).send().await.denies_message(422, "The body is not valid UTF-8");
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"] {
        call().bytes(content_type, "{}").send().await.denies(415, "Content-Type must be application/json");
    }
    call().body("{}").send().await.denies(415, "Content-Type must be application/json");
    let large = json!({ "content": "x".repeat(65_536) }).to_string();
    let large = call().bytes("application/json", large).send().await;
    large.denies(413, "The body must not be larger than 64 KiB");
    assert_eq!(community.listed(&bob).await, (0, Vec::new()));
}

/// Unknown fields of a message are ignored.
#[tokio::test]
async fn other_fields_change_nothing() {
    let (community, [bob, carl]) = Community::with_members::<2>().await;
    let body = json!({
        "recipient_id": community.creator.id, "content": "Hello", "sender": carl.id, "sender_id": carl.id,
        "id": "x", "created_at": "1970-01-01T00:00:00.000Z", "number": 7,
    });
    let message = community.letter(&bob, &body).send().await.ok(201);
    assert_eq!(message["sender"]["id"], bob.id);
    assert_eq!(community.all(&bob, &community.creator).await, [message]);
}
