//! `POST /api/messages/{messageId}/block-sender`: later messages of that sender are discarded, and the sender can't notice.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{INBOX_MESSAGES, contents, id, letter, limited, remaining, sent, table};
use crate::support::{Answer, Client, FaultyStack, User, everything_stored, line_of, now, stack_or_skip, texts, time};

async fn block(user: &User, message: &str) -> Answer {
    user.post(&format!("/api/messages/{message}/block-sender")).send().await
}

/// A client writes to the user, and the user blocks it.
async fn blocked(user: &User) -> Client {
    let sender = Client::new();
    block_sender(user, &sender).await;
    sender
}

async fn block_sender(user: &User, sender: &Client) {
    sent(&user.receive_from(sender, "worth a block").await);
    let message = user.inbox().await.remove(0);
    assert_eq!(message["content"], "worth a block");
    let answer = block(user, id(&message)).await.ok(200);
    let until = time(&answer["blockedUntil"]);
    assert_eq!(answer, json!({ "success": true, "message": "Sender blocked", "blockedUntil": answer["blockedUntil"] }));
    let days = (until - now()).as_seconds_f64() / 86_400.0;
    assert!((29.99..=60.01).contains(&days), "blocked for {days} days");
}

#[tokio::test]
async fn what_a_blocked_sender_writes_vanishes_and_what_others_write_arrives() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    let sender = blocked(&user).await;
    let before = user.inbox().await;
    for _ in 0..3 {
        sent(&user.receive_from(&sender, "will never arrive").await);
    }
    assert_eq!(user.inbox().await, before);
    sent(&user.receive("from somebody else").await);
    sent(&other.receive_from(&sender, "to somebody else").await);
    assert_eq!(contents(&user).await, ["from somebody else", "worth a block"]);
    assert_eq!(contents(&other).await, ["to somebody else"]);
    // The block stays when the message is deleted.
    for message in user.inbox().await {
        user.delete(&format!("/api/delete-message?messageId={}", id(&message))).send().await.ok(201);
    }
    sent(&user.receive_from(&sender, "will never arrive").await);
    assert_eq!(contents(&user).await, [] as [String; 0]);
}

#[tokio::test]
async fn a_block_is_of_the_client_and_its_network() {
    let user = User::sign_up().await;
    let rand16 = || Uuid::new_v4().as_u128() as u16;
    let (a, b) = (rand16(), rand16() & 0xfffe);
    block_sender(&user, &Client::at(&format!("2001:db8:{a:x}:{b:x}::1"))).await;
    sent(&user.receive_from(&Client::at(&format!("2001:db8:{a:x}:{b:x}:9::9")), "will never arrive").await);
    sent(&user.receive_from(&Client::at(&format!("2001:db8:{a:x}:{:x}::1", b + 1)), "from the next one").await);
    let sender = blocked(&user).await;
    let mapped = Client::at(&format!("::ffff:{}", sender.address));
    sent(&user.receive_from(&mapped, "will never arrive").await);
    assert_eq!(contents(&user).await, ["worth a block", "from the next one", "worth a block"]);
}

fn header_names(answer: &Answer) -> Vec<String> {
    let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_blocked_sender_gets_the_same_answers_as_any_other() {
    let user = User::sign_up().await;
    let (sender, free) = (blocked(&user).await, Client::new());
    sent(&user.receive_from(&free, "not worth a block").await);
    let key = Uuid::new_v4().to_string();
    let body = |content: &str| json!({ "username": user.username, "content": content });
    // The blocked and the other sender send the same requests in turn.
    let steps: [(&str, Option<&str>); 8] = [
        ("one more message", None),
        ("with a key this time", Some(&key)),
        ("with a key this time", Some(&key)),
        ("with the same key", Some(&key)),
        ("too short", None),
        ("and one more again", None),
        ("the fifth message", None),
        ("the sixth message", None),
    ];
    let mut statuses = Vec::new();
    for (content, key) in steps {
        println!("{content}");
        let send = |from: &Client, scope: &str| {
            let call = from.post(super::SEND).json(&body(content));
            key.into_iter().fold(call, |call, key| call.key(&format!("{scope}-{key}"))).send()
        };
        let (theirs, mine) = (send(&sender, "blocked").await, send(&free, "free").await);
        assert_eq!(theirs.status, mine.status);
        assert_eq!(header_names(&theirs), header_names(&mine));
        assert_eq!(theirs.header("ratelimit-policy"), mine.header("ratelimit-policy"));
        match theirs.status {
            429 => {
                limited(&theirs, INBOX_MESSAGES);
                limited(&mine, INBOX_MESSAGES);
            }
            _ => assert_eq!(theirs.text(), mine.text()),
        }
        if theirs.header("ratelimit").is_some() && theirs.status == 201 {
            assert_eq!(remaining(&theirs), remaining(&mine));
        }
        statuses.push(theirs.status);
    }
    assert_eq!(statuses, [201, 201, 201, 422, 400, 201, 201, 429]);
    let expected = ["the fifth message", "and one more again", "with a key this time", "one more message"];
    assert_eq!(contents(&user).await[..4], expected);
    assert_eq!(user.inbox().await.len(), 6);
}

#[tokio::test]
async fn the_log_of_a_vanished_message_is_that_of_any_other() {
    let Some(stack) = stack_or_skip("reads logs") else { return };
    let user = User::sign_up().await;
    let (sender, free) = (blocked(&user).await, Client::new());
    for (content, key) in [("x".repeat(10), false), ("x".repeat(300), true), ("x".repeat(100), false)] {
        let mut lines = Vec::new();
        for from in [&sender, &free] {
            let call = letter(from, &user.username, &content);
            let call = if key { call.key(&Uuid::new_v4().to_string()) } else { call };
            let answer = call.send().await;
            sent(&answer);
            let (function, line) = line_of(stack, &answer).await;
            assert_eq!(function, "send-inbox-message");
            lines.push(line);
        }
        let [vanished, arrived] = &lines[..] else { panic!("{lines:?}") };
        for field in ["level", "route", "status", "round_trips", "read_units", "write_units", "cause"] {
            assert_eq!(vanished[field], arrived[field], "{field}: {vanished} {arrived}");
        }
        let members = |line: &Value| line.as_object().expect("a line").keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(members(vanished), members(arrived));
        // The line of an instance's first request includes the calls of its start.
        if vanished["cold_start"] == arrived["cold_start"] {
            let actions = |line: &Value| -> BTreeSet<String> {
                let actions = line["actions"].as_array().expect("actions").iter();
                actions.map(|action| action.as_str().expect("an action").to_owned()).collect()
            };
            assert_eq!(actions(vanished), actions(arrived));
        }
    }
}

/// Near a full kilobyte, a few bytes decide about one more write unit.
#[tokio::test]
async fn a_vanished_message_costs_the_same_at_every_length() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let sender = blocked(&user).await;
    let mut different = Vec::new();
    for length in [258, 267, 276, 285] {
        let content = "語".repeat(length);
        let mut costs = Vec::new();
        for from in [&sender, &Client::new()] {
            let answer = user.receive_from(from, &content).await;
            sent(&answer);
            costs.push(line_of(&stack.stack, &answer).await.1["write_units"].clone());
        }
        if costs[0] != costs[1] {
            different.push((length, costs));
        }
    }
    assert_eq!(different, [], "characters, and what a vanished message of so many cost, and one that arrived");
    stack.stop().await;
}

#[tokio::test]
async fn of_a_vanished_message_nothing_is_stored_but_where_nobody_reads() {
    if stack_or_skip("reads the table").is_none() {
        return;
    }
    let user = User::sign_up().await;
    let sender = blocked(&user).await;
    let mark = Uuid::new_v4().simple().to_string();
    let key = Uuid::new_v4().to_string();
    sent(&user.receive_from(&sender, &format!("vanishes {mark}")).await);
    sent(&letter(&sender, &user.username, &format!("vanishes {mark}, too")).key(&key).send().await);
    let stored = everything_stored().await.expect("the table");
    let found: Vec<_> = stored.iter().filter(|item| texts(item).iter().any(|text| text.contains(&mark))).collect();
    assert!(found.is_empty(), "{found:?}");
    // The item of a discarded message reveals neither its sender nor its recipient.
    let voids: Vec<_> = stored
        .iter()
        .filter(|item| item["pk"]["S"].as_str().is_some_and(|key| key.starts_with("DISCARDED#")))
        .collect();
    assert!(!voids.is_empty());
    let left: Vec<String> = voids.into_iter().flat_map(texts).collect();
    for whose in [&user.id, &user.username, &user.username.to_lowercase(), &sender.address, &key] {
        assert!(left.iter().all(|text| !text.contains(whose.as_str())), "{whose}");
    }
}

#[tokio::test]
async fn whoever_is_not_there_can_not_be_blocked() {
    let (user, other, sender) = (User::sign_up().await, User::sign_up().await, Client::new());
    sent(&other.receive_from(&sender, "not to the user").await);
    let theirs = other.inbox().await.remove(0);
    let gone = user.received("gone before the block").await;
    user.delete(&format!("/api/delete-message?messageId={}", id(&gone))).send().await.ok(201);
    let never = table::id_at(table::two_days_ago(), 1);
    let upper = id(&theirs).to_uppercase();
    for message in [id(&theirs), id(&gone), &never, &upper, "x", "null", "%20", "MSG%23x", &"0".repeat(25)] {
        println!("{message}");
        block(&user, message).await.fails(404, "Message not found");
    }
    for recipient in [&user, &other] {
        sent(&recipient.receive_from(&sender, "blocked by nobody").await);
        assert_eq!(contents(recipient).await[0], "blocked by nobody");
    }
}

#[tokio::test]
async fn blocking_twice_is_blocking_once() {
    let (user, sender) = (User::sign_up().await, Client::new());
    for _ in 0..2 {
        sent(&user.receive_from(&sender, "worth a block").await);
    }
    let inbox = user.inbox().await;
    let first = block(&user, id(&inbox[0])).await;
    let again = block(&user, id(&inbox[0])).await;
    let by_the_other = block(&user, id(&inbox[1])).await;
    assert_eq!((first.ok(200), again.ok(200)), (by_the_other.ok(200), first.ok(200)));
    sent(&user.receive_from(&sender, "will never arrive").await);
    assert_eq!(user.inbox().await, inbox);
    let Some(stack) = stack_or_skip("reads the table") else { return };
    let blocks = table::partition(stack, &format!("BLOCKEDSENDER#{}", user.username.to_lowercase())).await;
    assert_eq!(blocks.len(), 1);
}

#[tokio::test]
async fn a_message_of_a_key_that_is_gone_is_too_old_for_a_block() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    sent(&user.receive_from(&sender, "a message of today").await);
    let today = user.inbox().await.remove(0);
    let stored = table::partition(stack, &format!("INBOX#{}", user.id)).await.remove(0);
    let day = 86_400_000;
    let (old, moved) = (table::id_at(table::two_days_ago() - 100 * day, 5), table::id_at(table::two_days_ago(), 5));
    for id in [&old, &moved] {
        let mut copy = stored.clone();
        copy["sk"]["S"] = json!(format!("MSG#{id}"));
        copy["id"]["S"] = json!(id);
        table::put(stack, &[copy]).await;
    }
    // Sealed names open only for their own period and their own message.
    for id in [&old, &moved] {
        let message = "This message is too old: who sent it can't be recognised any more, not even to be blocked";
        block(&user, id).await.fails(410, message);
    }
    let blocks = table::partition(stack, &format!("BLOCKEDSENDER#{}", user.username.to_lowercase())).await;
    assert_eq!(blocks, [] as [Value; 0]);
    sent(&user.receive_from(&sender, "blocked by nobody").await);
    assert_eq!(contents(&user).await[0], "blocked by nobody");
    block(&user, id(&today)).await.ok(200);
    // Old messages can still be read and deleted.
    assert_eq!(user.inbox().await.len(), 4);
}
