//! `POST /api/send-message`: valid and invalid bodies.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{SEND, contents, sent};
use crate::support::{BLANK_TEXTS, Client, User, everything_stored, stack_or_skip, texts};

const TOO_SHORT: &str = "content must be of min length 10 chars";
const TOO_LONG: &str = "content must not be longer than 300 chars";
const BLANK: &str = "content must not be blank";
const CONTROLS: &str = "content must not contain control characters";

const KIBIBYTE: usize = 1024;

async fn send(body: Value) -> crate::support::Answer {
    Client::new().post(SEND).json(&body).send().await
}

#[tokio::test]
async fn content_has_10_to_300_characters() {
    let user = User::sign_up().await;
    // Unicode scalar values are counted, not bytes, UTF-16 units or visible characters.
    for one in ["a", "ä", "語", "🦀", "\u{301}", "\u{10FFFF}"] {
        println!("{one:?}");
        user.receive(&one.repeat(9)).await.fails(400, TOO_SHORT);
        user.receive(&one.repeat(301)).await.fails(400, TOO_LONG);
        for length in [10, 300] {
            sent(&user.receive(&one.repeat(length)).await);
            assert_eq!(contents(&user).await[0], one.repeat(length));
        }
    }
    // One family of seven scalar values.
    let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
    user.receive(family).await.fails(400, TOO_SHORT);
    sent(&user.receive(&format!("{family}abc")).await);
    user.receive("").await.fails(400, TOO_SHORT);
    user.receive(&"a".repeat(60_000)).await.fails(400, TOO_LONG);
    assert_eq!(user.inbox().await.len(), 13);
}

#[tokio::test]
async fn content_without_visible_characters_is_blank() {
    let user = User::sign_up().await;
    for one in BLANK_TEXTS {
        println!("{one:?}");
        user.receive(&one.repeat(10)).await.fails(400, BLANK);
    }
    user.receive(&BLANK_TEXTS.concat()).await.fails(400, BLANK);
    assert_eq!(user.inbox().await, [] as [Value; 0]);
    sent(&user.receive(&format!("{}.", " ".repeat(9))).await);
}

#[tokio::test]
async fn control_characters_are_refused_but_for_tabs_and_line_ends() {
    let user = User::sign_up().await;
    for control in ('\u{0}'..' ').filter(|control| !['\t', '\n', '\r'].contains(control)) {
        println!("{control:?}");
        user.receive(&format!("ten chars {control} and more")).await.fails(400, CONTROLS);
    }
    sent(&user.receive("one\ttwo\r\nthree\nfour\rfive").await);
    assert_eq!(contents(&user).await, ["one\ttwo\r\nthree\nfour\rfive"]);
}

#[tokio::test]
async fn a_body_that_is_no_message_is_refused_by_the_name_of_what_is_wrong() {
    let user = User::sign_up().await;
    let (name, content) = (&user.username, "a good message");
    let cases = [
        (json!({}), "username is required"),
        (json!({ "content": content }), "username is required"),
        (json!({ "username": name }), "content is required"),
        (json!({ "Username": name, "content": content }), "username is required"),
        (json!({ "username": name, "content": null }), "content must be text"),
        (json!({ "username": name, "content": 1234567890 }), "content must be text"),
        (json!({ "username": name, "content": 1.5 }), "content must be text"),
        (json!({ "username": name, "content": true }), "content must be text"),
        (json!({ "username": name, "content": [content] }), "content must be text"),
        (json!({ "username": name, "content": { "text": content } }), "content must be text"),
        (json!({ "username": null, "content": content }), "username must be text"),
        (json!({ "username": 12345, "content": content }), "username must be text"),
        (json!({ "username": [name], "content": content }), "username must be text"),
        (json!({ "username": {}, "content": content }), "username must be text"),
        (json!({ "username": false, "content": content }), "username must be text"),
        // Errors of the body are reported for any recipient.
        (json!({ "username": "nobody of this name", "content": "short" }), TOO_SHORT),
    ];
    for (body, message) in cases {
        println!("{body}");
        send(body).await.fails(400, message);
    }
    let twice = format!(r#"{{"username":"{name}","content":"a good message","content":"another message"}}"#);
    let twice = Client::new().post(SEND).bytes("application/json", twice).send().await;
    twice.fails(400, "content must be given once");
    assert_eq!(user.inbox().await, [] as [Value; 0]);
    sent(
        &send(json!({ "username": name, "content": content, "createdAt": "2020-01-01", "_id": 1, "sender": null }))
            .await,
    );
    assert_eq!(contents(&user).await, [content]);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let user = User::sign_up().await;
    let good = json!({ "username": user.username, "content": "a good message" }).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""] {
        let answer = Client::new().post(SEND).bytes(content_type, good.clone()).send().await;
        answer.fails(415, "Content-Type must be application/json");
    }
    Client::new().post(SEND).body(good.clone()).send().await.fails(415, "Content-Type must be application/json");
    let deep = format!("{},\"more\":{}{}}}", &good[..good.len() - 1], "[".repeat(10_000), "]".repeat(10_000));
    let cases: [(&[u8], &str); 11] = [
        (b"", "The body is not valid JSON"),
        (b"{", "The body is not valid JSON"),
        (&good.as_bytes()[..good.len() - 1], "The body is not valid JSON"),
        (b"username=x&content=a+good+message", "The body is not valid JSON"),
        (br#"{"username":"x","content":"\ud800\ud800\ud800\ud800"}"#, "The body is not valid JSON"),
        (deep.as_bytes(), "The body is not valid JSON"),
        (b"[]", "The body must be a JSON object"),
        (br#"["x","a good message"]"#, "The body must be a JSON object"),
        (b"null", "The body must be a JSON object"),
        (b"\"a good message\"", "The body must be a JSON object"),
        (b"{\"username\":\"x\",\"content\":\"a good \xff message\"}", "The body is not valid UTF-8"),
    ];
    for (body, message) in cases {
        println!("{}", String::from_utf8_lossy(&body[..body.len().min(80)]));
        Client::new().post(SEND).bytes("application/json", body).send().await.fails(400, message);
    }
    assert_eq!(user.inbox().await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_body_of_64_kib_is_accepted_and_one_byte_more_is_not() {
    let user = User::sign_up().await;
    let good = json!({ "username": user.username, "content": "a good message" }).to_string();
    let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
    for length in [64 * KIBIBYTE + 1, 3 * 1024 * KIBIBYTE] {
        let answer = Client::new().post(SEND).bytes("application/json", padded(length)).send().await;
        answer.fails(413, "The body must not be larger than 64 KiB");
    }
    sent(&Client::new().post(SEND).bytes("application/json", padded(64 * KIBIBYTE)).send().await);
    assert_eq!(contents(&user).await, ["a good message"]);
}

#[tokio::test]
async fn a_refused_message_leaves_nothing_behind() {
    if stack_or_skip("reads the table").is_none() {
        return;
    }
    let user = User::sign_up().await;
    let mark = Uuid::new_v4().simple().to_string();
    let send = |name: &str, content: &str| {
        let call = Client::new().post(SEND).key(&mark);
        call.json(&json!({ "username": name, "content": content })).send()
    };
    send(&user.username, &mark.repeat(10)).await.fails(400, TOO_LONG);
    send(&user.username, &format!("{mark}\u{0}")).await.fails(400, CONTROLS);
    send(&mark[..20], &mark).await.fails(404, "User not found");
    user.post("/api/accept-messages").json(&json!({ "acceptMessage": false })).send().await.ok(200);
    send(&user.username, &mark).await.fails(403, "User is not accepting messages");
    let stored = everything_stored().await.expect("the table");
    assert!(stored.iter().flat_map(texts).all(|text| !text.contains(&mark[..20])));
}
