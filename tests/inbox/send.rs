//! `POST /api/send-message`: recipients, and the parts of a request that matter.

use serde_json::json;
use uuid::Uuid;

use super::{SEND, contents, letter, sent, table};
use crate::support::{Client, User, everything_stored, now, random_username, stack_or_skip, texts, time};

#[tokio::test]
async fn what_was_sent_is_in_the_inbox_newest_first() {
    let user = User::sign_up().await;
    let before = now();
    sent(&user.receive("the first message").await);
    sent(&user.receive("the second message").await);
    let page = user.page("").await;
    let newest = &page["messages"];
    let message = |n: usize, content: &str| json!({ "_id": newest[n]["_id"], "content": content, "createdAt": newest[n]["createdAt"] });
    let messages = [message(0, "the second message"), message(1, "the first message")];
    assert_eq!(page, json!({ "success": true, "messages": messages, "nextCursor": null }));
    for message in messages {
        let id = message["_id"].as_str().expect("an id");
        assert!(id.len() == 24 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{id}");
        let sent = time(&message["createdAt"]);
        assert!(before - time::Duration::MILLISECOND <= sent && sent <= now(), "{sent}");
        let in_id = i64::from_str_radix(&id[..12], 16).expect("hex");
        assert_eq!(i128::from(in_id), sent.unix_timestamp_nanos() / 1_000_000);
    }
}

#[tokio::test]
async fn a_message_arrives_as_it_was_sent() {
    let user = User::sign_up().await;
    let content = "  Thank you!\r\n\tنعم — 🦀 e\u{301}\u{202e} <b>&amp;</b> \"quoted\" \\ \u{7f}\u{feff}  ";
    sent(&user.receive(content).await);
    let escaped = format!(r#"{{"content":"\u0041\ud83e\udd80\/\n\u00e9 and more","username":"{}"}}"#, user.username);
    sent(&Client::new().post(SEND).bytes("application/json; charset=utf-8", escaped).send().await);
    assert_eq!(contents(&user).await, ["A🦀/\né and more", content]);
}

#[tokio::test]
async fn nobody_of_that_name_is_not_found() {
    let user = User::named(&format!("Ann_{}", &Uuid::new_v4().simple().to_string()[..12])).await;
    let cases = [user.username.to_lowercase(), user.username.to_uppercase(), user.username.replacen('A', "a", 1)];
    let long = "a".repeat(60_000);
    let texts = [
        "",
        " ",
        "a",
        "a b",
        "ä_username",
        "../../x",
        "%41nn",
        "Ann#CLAIM",
        "ann\u{0}",
        "\u{0}",
        "a\nb",
        "Аnn",
        "🦀🦀",
    ];
    let others = [random_username(), format!("{}x", user.username), "a".repeat(21), long];
    let email = user.email.clone();
    for name in cases.into_iter().chain(others).chain(texts.map(str::to_owned)).chain([email, user.id.clone()]) {
        println!("{}", &name[..name.len().min(40)]);
        let answer = letter(&Client::new(), &name, "is there anybody").send().await;
        answer.fails(404, "User not found");
    }
    assert_eq!(user.inbox().await, [] as [serde_json::Value; 0]);
    sent(&user.receive("is there anybody").await);
    for name in [format!(" {}", user.username), format!("{}\r\n", user.username), format!("\u{a0}{}\t", user.username)]
    {
        sent(&letter(&Client::new(), &name, "with white space").send().await);
    }
    assert_eq!(user.inbox().await.len(), 4);
}

#[tokio::test]
async fn a_user_who_takes_no_messages_gets_none() {
    let user = User::sign_up().await;
    let switch = |on: bool| user.post("/api/accept-messages").json(&json!({ "acceptMessage": on })).send();
    switch(false).await.ok(200);
    user.receive("will not arrive").await.fails(403, "User is not accepting messages");
    switch(true).await.ok(200);
    sent(&user.receive("will arrive").await);
    assert_eq!(contents(&user).await, ["will arrive"]);
}

#[tokio::test]
async fn a_user_who_is_not_active_is_not_found() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let user = User::sign_up().await;
    for status in ["suspended", "inactive"] {
        table::set_status(stack, &user, status).await;
        user.receive("will not arrive").await.fails(404, "User not found");
    }
    table::set_status(stack, &user, "active").await;
    user.post("/api/accept-messages").json(&json!({ "acceptMessage": false })).send().await.ok(200);
    table::set_status(stack, &user, "suspended").await;
    // A hidden account's switch must stay unknown.
    user.receive("will not arrive").await.fails(404, "User not found");
    table::set_status(stack, &user, "active").await;
    user.receive("will not arrive").await.fails(403, "User is not accepting messages");
    assert_eq!(contents(&user).await, [] as [String; 0]);
}

/// The endpoint is public. It ignores sessions, valid or not, and the headers that matter with a session.
#[tokio::test]
async fn a_session_on_the_request_changes_nothing_and_is_not_stored() {
    let (user, writer) = (User::sign_up().await, User::sign_up().await);
    let mark = Uuid::new_v4().simple().to_string();
    let cookie = |token: &str| format!("next-auth.session-token={token}");
    let cases: [&[(&str, String)]; 7] = [
        &[("authorization", format!("Bearer {}", writer.token))],
        &[("authorization", format!("Bearer {}", user.token))],
        &[("cookie", cookie(&writer.token))],
        &[("authorization", format!("Bearer {}", user.token)), ("cookie", cookie(&writer.token))],
        &[("authorization", format!("Basic {mark}")), ("cookie", cookie(&mark))],
        &[("authorization", mark.clone()), ("origin", "https://evil.example".to_owned())],
        &[
            ("cookie", cookie(&writer.token)),
            ("origin", "https://evil.example".to_owned()),
            ("sec-fetch-site", "cross-site".to_owned()),
        ],
    ];
    let bare = user.receive("without any session").await;
    let names = |answer: &crate::support::Answer| {
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    for headers in cases {
        println!("{headers:?}");
        let call = letter(&Client::new(), &user.username, "with a session");
        let answer = headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await;
        sent(&answer);
        let allowed = |name: &String| !name.starts_with("access-control-") && name != "vary";
        let told: Vec<_> = names(&answer).into_iter().filter(allowed).collect();
        assert_eq!(told, names(&bare).into_iter().filter(allowed).collect::<Vec<_>>());
    }
    assert_eq!(user.inbox().await.len(), 8);

    let Some(stack) = stack_or_skip("reads the table") else { return };
    let inbox = table::partition(stack, &format!("INBOX#{}", user.id)).await;
    assert_eq!(inbox.len(), 8);
    let stored: Vec<String> = inbox.iter().flat_map(texts).collect();
    for secret in [&writer.id, &writer.username, &writer.device, &writer.email, &writer.token] {
        assert!(stored.iter().all(|text| !text.contains(secret.as_str())), "{secret} is stored");
    }
    let everything: Vec<String> = everything_stored().await.expect("the table").iter().flat_map(texts).collect();
    for secret in [&mark, &writer.token, &user.token, "evil.example"] {
        assert!(everything.iter().all(|text| !text.contains(secret)), "{secret} is stored");
    }
}
