//! `POST /message/send/{userId}`: valid and invalid bodies.

use serde_json::{Value, json};

use super::steps::{contents, conversation, say, text, two};
use crate::support::{BLANK_TEXTS, Call, User};

const LENGTH: &str = "content must be 1 to 5000 characters";
const BLANK: &str = "content must not be blank";
const CONTROLS: &str = "content must not contain control characters";
const TYPE: &str = "type must be text, image, video or file";

const KIBIBYTE: usize = 1024;

/// Asserts that there is no conversation between the two.
async fn silence(users: [&User; 2]) {
    for user in users {
        assert_eq!(user.conversations().await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn content_has_1_to_5000_characters() {
    let [ann, bob] = two().await;
    let mut sent = Vec::new();
    // Unicode scalar values are counted, not bytes or UTF-16 units.
    for one in ["a", "ä", "語", "🦀", "\u{10FFFF}"] {
        println!("{one:?}");
        for length in [1, 5_000] {
            let message = ann.write(&bob, &one.repeat(length)).await;
            assert_eq!(message["content"], one.repeat(length));
            sent.insert(0, message);
        }
        say(&ann, &bob, &one.repeat(5_001)).await.rejects(400, LENGTH);
    }
    for wrong in ["", &"a".repeat(5_001), &"a".repeat(60_000), &" ".repeat(5_001)] {
        say(&ann, &bob, wrong).await.rejects(400, LENGTH);
    }
    // In the longest JSON escape: twelve bytes per character.
    let escaped = format!(r#"{{"content":"{}","type":"text"}}"#, r"\ud83e\udd80".repeat(5_000));
    let path = format!("/message/send/{}", bob.id);
    sent.insert(0, ann.post(&path).bytes("application/json", escaped).send().await.processed(200));
    assert_eq!(sent[0]["content"], "🦀".repeat(5_000));
    assert_eq!(bob.messages(conversation(&sent[0])).await, sent);
}

#[tokio::test]
async fn content_without_visible_characters_is_blank() {
    let [ann, bob] = two().await;
    for one in BLANK_TEXTS {
        println!("{one:?}");
        say(&ann, &bob, one).await.rejects(400, BLANK);
    }
    say(&ann, &bob, &BLANK_TEXTS.concat()).await.rejects(400, BLANK);
    say(&ann, &bob, &" ".repeat(5_000)).await.rejects(400, BLANK);
    silence([&ann, &bob]).await;
    assert_eq!(ann.write(&bob, " .\u{200b}").await["content"], " .\u{200b}");
}

#[tokio::test]
async fn control_characters_are_refused_but_for_tabs_and_line_ends() {
    let [ann, bob] = two().await;
    for control in ('\u{0}'..' ').filter(|control| !['\t', '\n', '\r'].contains(control)) {
        println!("{control:?}");
        say(&ann, &bob, &format!("some {control} more")).await.rejects(400, CONTROLS);
    }
    silence([&ann, &bob]).await;
    let content = "one\ttwo\r\nthree\nfour\rfive";
    let message = ann.write(&bob, content).await;
    assert_eq!(contents(&bob.messages(conversation(&message)).await), [content]);
}

#[tokio::test]
async fn a_body_that_is_no_message_is_refused_by_the_name_of_what_is_wrong() {
    let [ann, bob] = two().await;
    let with = |media: Value| json!({ "content": "Hello", "type": "image", "media": media });
    let entry = json!({ "publicId": format!("temp/user_{}/x", ann.id) });
    let more = json!({ "publicId": entry["publicId"], "url": "https://example.com/x.png" });
    let cases = [
        (json!({}), "content is required"),
        (json!({ "type": "text" }), "content is required"),
        (json!({ "content": "Hello" }), "type is required"),
        (json!({ "Content": "Hello", "type": "text" }), "Content is not a known field"),
        (json!({ "content": null, "type": "text" }), "content must be text"),
        (json!({ "content": 5, "type": "text" }), "content must be text"),
        (json!({ "content": true, "type": "text" }), "content must be text"),
        (json!({ "content": ["Hello"], "type": "text" }), "content must be text"),
        (json!({ "content": { "text": "Hello" }, "type": "text" }), "content must be text"),
        (json!({ "content": "Hello", "type": "audio" }), TYPE),
        (json!({ "content": "Hello", "type": "Text" }), TYPE),
        (json!({ "content": "Hello", "type": "" }), TYPE),
        (json!({ "content": "Hello", "type": " text" }), TYPE),
        (json!({ "content": "Hello", "type": null }), TYPE),
        (json!({ "content": "Hello", "type": 1 }), TYPE),
        (json!({ "content": "Hello", "type": ["text"] }), TYPE),
        (json!({ "content": "Hello", "type": { "text": null } }), TYPE),
        (json!({ "content": "Hello", "type": "text", "senderId": bob.id }), "senderId is not a known field"),
        (json!({ "content": "Hello", "type": "text", "replyTo": null }), "replyTo is not a known field"),
        (json!({ "content": "Hello", "type": "text", "": 1 }), " is not a known field"),
        (with(json!("x")), "media must be a list"),
        (with(json!({})), "media must be a list"),
        (with(json!(5)), "media must be a list"),
        (with(json!(false)), "media must be a list"),
        (with(json!([{}])), "publicId is required"),
        (with(json!([entry, {}])), "publicId is required"),
        (with(json!([{ "url": "https://example.com/x.png" }])), "url is not a known field"),
        (with(json!([more])), "url is not a known field"),
        (with(json!([{ "publicId": null }])), "media[0].publicId must be text"),
        (with(json!([entry, { "publicId": 7 }])), "media[1].publicId must be text"),
        (with(json!(["x"])), "media[0] must be an object"),
        (with(json!([entry, null])), "media[1] must be an object"),
        (with(json!([7])), "media[0] must be an object"),
        (with(json!([[entry["publicId"]]])), "media[0] must be an object"),
        (with(Value::Array(vec![entry.clone(); 11])), "media must have at most 10 entries"),
        (with(Value::Array(vec![entry.clone(); 1000])), "media must have at most 10 entries"),
    ];
    for (body, message) in cases {
        println!("{body}");
        ann.letter(&bob.id, body).send().await.rejects(400, message);
    }
    let twice = |body: &str| ann.post(&format!("/message/send/{}", bob.id)).bytes("application/json", body).send();
    let answer = twice(r#"{"content":"Hello","content":"Bye","type":"text"}"#).await;
    answer.rejects(400, "content must be given once");
    let answer = twice(r#"{"content":"Hello","type":"text","type":"file"}"#).await;
    answer.rejects(400, "type must be given once");
    silence([&ann, &bob]).await;
}

/// Every endpoint that takes a body. All bodies below are wrong for each of them.
fn calls(user: &User, other: &User, with: impl Fn(Call) -> Call) -> Vec<(&'static str, Call)> {
    let conversation = super::steps::UNKNOWN;
    let calls = [
        ("send", user.post(&format!("/message/send/{}", other.id))),
        ("reply", user.patch(&format!("/message/send/{conversation}"))),
        ("upload", user.post("/media/uploads")),
        ("delivered", user.post(&format!("/conversations/{conversation}/delivered"))),
        ("seen", user.post(&format!("/conversations/{conversation}/seen"))),
    ];
    calls.into_iter().map(|(name, call)| (name, with(call))).collect()
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let [ann, bob] = two().await;
    let good = text("Hello").to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", ""] {
        for (name, call) in calls(&ann, &bob, |call| call.bytes(content_type, good.clone())) {
            println!("{name}: {content_type}");
            call.send().await.rejects(415, "Content-Type must be application/json");
        }
    }
    for (_, call) in calls(&ann, &bob, |call| call.body(good.clone())) {
        call.send().await.rejects(415, "Content-Type must be application/json");
    }
    let deep = format!("{},\"more\":{}{}}}", &good[..good.len() - 1], "[".repeat(10_000), "]".repeat(10_000));
    let cases: [(&[u8], &str); 9] = [
        (b"", "The body is not valid JSON"),
        (b"{", "The body is not valid JSON"),
        (&good.as_bytes()[..good.len() - 1], "The body is not valid JSON"),
        (br#"{"content":"\ud800","type":"text"}"#, "The body is not valid JSON"),
        (deep.as_bytes(), "The body is not valid JSON"),
        (br#"["Hello","text"]"#, "The body must be a JSON object"),
        (b"null", "The body must be a JSON object"),
        (b"\"Hello\"", "The body must be a JSON object"),
        (b"{\"content\":\"Hell\xff\",\"type\":\"text\"}", "The body is not valid UTF-8"),
    ];
    for (body, message) in cases {
        for (name, call) in calls(&ann, &bob, |call| call.bytes("application/json", body)) {
            println!("{name}: {}", String::from_utf8_lossy(&body[..body.len().min(80)]));
            call.send().await.rejects(400, message);
        }
    }
    silence([&ann, &bob]).await;
}

#[tokio::test]
async fn a_body_of_64_kib_is_accepted_and_one_byte_more_is_not() {
    let [ann, bob] = two().await;
    let good = text("Hello").to_string();
    let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
    for length in [64 * KIBIBYTE + 1, 3 * 1024 * KIBIBYTE] {
        for (name, call) in calls(&ann, &bob, |call| call.bytes("application/json", padded(length))) {
            println!("{name}: {length}");
            call.send().await.rejects(413, "The body must not be larger than 64 KiB");
        }
    }
    silence([&ann, &bob]).await;
    let call = ann.post(&format!("/message/send/{}", bob.id)).bytes("application/json", padded(64 * KIBIBYTE));
    assert_eq!(call.send().await.processed(200)["content"], "Hello");
}
