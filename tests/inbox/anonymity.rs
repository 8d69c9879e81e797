//! Stored data reveals neither who wrote to whom, nor that two messages have one sender.

use std::collections::BTreeSet;

use local::Stack;
use serde_json::Value;

use super::{id, sent, table};
use crate::support::{Client, User, stack_or_skip};

/// The values of an item that could identify something: texts, numbers and binaries of at least 12 characters, and the parts
/// of its keys.
fn values(item: &Value, except: &[&str]) -> BTreeSet<String> {
    let attributes = item.as_object().expect("an item").iter().filter(|(name, _)| !except.contains(&name.as_str()));
    let types = attributes.filter_map(|(_, value)| value.as_object()).flat_map(|typed| typed.values());
    let texts: Vec<&str> = types.filter_map(Value::as_str).collect();
    let parts = texts.iter().flat_map(|text| text.split('#')).chain(texts.iter().copied());
    parts.filter(|part| part.len() >= 12 && *part != "BLOCKEDSENDER").map(str::to_owned).collect()
}

/// All stored items of a user: the account, its devices, its inbox and its blocks.
async fn owned(stack: &Stack, user: &User) -> Vec<Value> {
    let lower = user.username.to_lowercase();
    let mut items = Vec::new();
    for pk in [
        format!("USER#{}", user.id),
        format!("USERNAME#{lower}"),
        format!("INBOX#{}", user.id),
        format!("BLOCKEDSENDER#{lower}"),
    ] {
        items.extend(table::partition(stack, &pk).await);
    }
    items
}

/// Values that are equal for all blocks of these 30 days, or for all devices without a name.
const SHARED_BY_ALL: [&str; 2] = ["ends_at", "device_name"];

async fn assert_unlinkable(stack: &Stack, one: &User, other: &User) {
    let of = async |user: &User| -> BTreeSet<String> {
        owned(stack, user).await.iter().flat_map(|item| values(item, &SHARED_BY_ALL)).collect()
    };
    let (mine, theirs) = (of(one).await, of(other).await);
    assert!(mine.len() > 8 && theirs.len() > 8, "this is not all that there is of two users");
    for value in &mine {
        let found = theirs.iter().find(|their| their.contains(value.as_str()) || value.contains(their.as_str()));
        assert_eq!(found, None, "{value} is there, too");
    }
}

async fn block(user: &User) {
    let message = user.inbox().await.remove(0);
    user.post(&format!("/api/messages/{}/block-sender", id(&message))).send().await.ok(200);
}

#[tokio::test]
async fn nothing_stored_links_two_recipients_of_one_sender_blocked_by_one_or_both() {
    let Some(stack) = stack_or_skip("reads the table") else { return };
    let (one, other, sender) = (User::sign_up().await, User::sign_up().await, Client::new());
    for user in [&one, &other] {
        for _ in 0..2 {
            sent(&user.receive_from(&sender, "from one and the same").await);
        }
    }
    // The contents are equal here, as the sender chose them. All other values must differ.
    let inboxes = async || {
        let mut items = Vec::new();
        for user in [&one, &other] {
            items.extend(table::partition(stack, &format!("INBOX#{}", user.id)).await);
        }
        items
    };
    for item in inboxes().await {
        let names: BTreeSet<_> = item.as_object().expect("an item").keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(["pk", "sk", "id", "content", "sealed_sender"]));
    }
    for user in [&one, &other] {
        for message in user.inbox().await {
            user.delete(&format!("/api/delete-message?messageId={}", id(&message))).send().await.ok(201);
        }
    }
    sent(&one.receive_from(&sender, "what the one is told").await);
    sent(&other.receive_from(&sender, "something quite different").await);
    assert_unlinkable(stack, &one, &other).await;
    block(&one).await;
    assert_unlinkable(stack, &one, &other).await;
    sent(&one.receive_from(&sender, "will never arrive").await);
    block(&other).await;
    sent(&other.receive_from(&sender, "will never arrive either").await);
    assert_unlinkable(stack, &one, &other).await;
    for user in [&one, &other] {
        let lower = user.username.to_lowercase();
        assert_eq!(table::partition(stack, &format!("BLOCKEDSENDER#{lower}")).await.len(), 1);
        assert_eq!(user.inbox().await.len(), 1);
    }
}

#[tokio::test]
async fn two_messages_of_one_sender_in_one_inbox_share_no_value() {
    let Some(stack) = stack_or_skip("reads the table") else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    for content in ["the first of three", "and then a second", "at last the third"] {
        sent(&user.receive_from(&sender, content).await);
    }
    let compare = async || {
        let items = table::partition(stack, &format!("INBOX#{}", user.id)).await;
        assert_eq!(items.len(), 3);
        for (n, item) in items.iter().enumerate() {
            let seal = item["sealed_sender"]["S"].as_str().expect("a seal");
            // It has the same length for everybody, and is long enough for its content.
            assert_eq!(seal.len(), items[0]["sealed_sender"]["S"].as_str().expect("a seal").len());
            for other in &items[n + 1..] {
                let own = ["pk", "gsi1pk", "reported_at"];
                let common: Vec<_> = values(item, &own).intersection(&values(other, &own)).cloned().collect();
                assert_eq!(common, [] as [String; 0], "{item} {other}");
                let their = other["sealed_sender"]["S"].as_str().expect("a seal");
                let same = (0..seal.len() - 8).find(|at| their.contains(&seal[*at..*at + 8]));
                assert_eq!(same, None, "{seal} {their}");
            }
        }
    };
    compare().await;
    block(&user).await;
    compare().await;
}

#[tokio::test]
async fn a_block_names_nobody() {
    let Some(stack) = stack_or_skip("reads the table") else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    sent(&user.receive_from(&sender, "worth a block").await);
    let seal = table::partition(stack, &format!("INBOX#{}", user.id)).await[0]["sealed_sender"].clone();
    block(&user).await;
    let blocks = table::partition(stack, &format!("BLOCKEDSENDER#{}", user.username.to_lowercase())).await;
    let [item] = &blocks[..] else { panic!("{blocks:?}") };
    let names: BTreeSet<_> = item.as_object().expect("an item").keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["pk", "sk", "ends_at", "ttl"]));
    let name = item["sk"]["S"].as_str().expect("a name");
    assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    assert!(!seal["S"].as_str().expect("a seal").contains(name));
    // It expires by its TTL.
    let ttl: i64 = item["ttl"]["N"].as_str().expect("a number").parse().expect("a number");
    assert_eq!(ttl, crate::support::time(&item["ends_at"]["S"]).unix_timestamp());
}
