//! `GET /conversations/{conversationId}/messages`: newest first, page by page.

use serde_json::Value;

use super::steps::{
    BAD_CURSOR, BAD_LIMIT, NOT_A_MEMBER, all_messages, contents, conversation, delete, ids, pair, three, two,
};
use crate::support::{User, forgeries};

/// The two users send that many messages. Returns the contents, newest first.
async fn chat(ann: &User, bob: &User, count: usize) -> (String, Vec<String>) {
    let (mut own, mut expected) = (String::new(), Vec::new());
    for n in 0..count {
        let (from, to) = if n % 3 == 1 { (bob, ann) } else { (ann, bob) };
        let message = from.write(to, &format!("The message {n}")).await;
        own = conversation(&message).to_owned();
        expected.insert(0, format!("The message {n}"));
    }
    (own, expected)
}

#[tokio::test]
async fn messages_are_listed_page_by_page_without_a_gap() {
    let [ann, bob] = two().await;
    let (own, expected) = chat(&ann, &bob, 11).await;
    for limit in [1, 2, 5, 10, 11, 12, 100] {
        let all = all_messages(&ann, &own, limit).await;
        assert_eq!(contents(&all), expected, "by {limit}");
        assert_eq!(all_messages(&bob, &own, limit).await, all);
        assert!(ids(&all).is_sorted_by(|newer, older| newer > older));
    }
    let path = format!("/conversations/{own}/messages");
    for (query, count, has_more) in [("?limit=11", 11, false), ("?limit=10", 10, true), ("?cursor=", 11, false)] {
        let page = ann.get(&format!("{path}{query}")).send().await.processed(200);
        assert_eq!(page["messages"].as_array().expect("messages").len(), count);
        assert_eq!(page["nextCursor"].is_string(), has_more, "{query}");
        let fields: Vec<&str> = page.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(fields, ["messages", "nextCursor"]);
    }
}

#[tokio::test]
async fn messages_that_come_and_go_while_somebody_pages_take_no_other_along() {
    let [ann, bob] = two().await;
    let (own, expected) = chat(&ann, &bob, 10).await;
    let path = format!("/conversations/{own}/messages");
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = bob.get(&format!("{path}{query}")).send().await.processed(200);
        let messages = page["messages"].as_array().expect("messages");
        seen.extend(contents(messages).into_iter().map(str::to_owned));
        let Value::String(cursor) = &page["nextCursor"] else { break };
        query = format!("?limit=3&cursor={cursor}");
        // The message that the cursor names is deleted, if its sender can do so, and a new message comes.
        let last = messages.last().expect("a message");
        let sender = if last["senderId"] == ann.id { &ann } else { &bob };
        delete(sender, last).await.processed(200);
        ann.write(&bob, "Newer than all").await;
    }
    assert_eq!(seen, expected);
    assert_eq!(all_messages(&bob, &own, 4).await.len(), 13);
}

#[tokio::test]
async fn a_bad_limit_or_cursor_is_refused() {
    let [ann, bob, eve] = three().await;
    let (own, expected) = chat(&ann, &bob, 3).await;
    let (other, _) = chat(&ann, &eve, 3).await;
    let path = format!("/conversations/{own}/messages");
    let page = ann.get(&format!("{path}?limit=2")).send().await.processed(200);
    let cursor = page["nextCursor"].as_str().expect("a cursor");
    for forged in forgeries(cursor) {
        println!("{forged}");
        ann.get(&format!("{path}?cursor={forged}")).send().await.rejects(400, BAD_CURSOR);
    }
    for limit in ["0", "101", "-1", "1.5", "x", "", "1e1", "%201", "99999999999999999999", "+5", "%D9%A3"] {
        println!("{limit}");
        ann.get(&format!("{path}?limit={limit}")).send().await.rejects(400, BAD_LIMIT);
    }
    // A cursor is valid for this list only.
    ann.get(&format!("/conversations/{other}/messages?cursor={cursor}")).send().await.rejects(400, BAD_CURSOR);
    ann.get(&format!("/conversations?cursor={cursor}")).send().await.rejects(400, BAD_CURSOR);
    ann.get(&format!("/users/blocked?cursor={cursor}")).send().await.rejects(400, BAD_CURSOR);
    // A cursor does not admit outsiders. Both participants share one list.
    eve.get(&format!("{path}?cursor={cursor}")).send().await.rejects(403, NOT_A_MEMBER);
    for user in [&ann, &bob] {
        let rest = user.get(&format!("{path}?cursor={cursor}")).send().await.processed(200);
        assert_eq!(contents(rest["messages"].as_array().expect("messages")), expected[2..]);
    }
}

/// A page of 2 MB, which is more than the store returns at once.
#[tokio::test]
async fn pages_of_the_longest_messages_lead_to_the_end() {
    let ([ann, bob], sent) = pair([]).await;
    assert_eq!(sent, [] as [Value; 0]);
    let longest = |n: usize| format!("{n:03}{}", "\u{10FFFF}".repeat(4_997));
    let mut own = String::new();
    // A sender may send 60 messages a minute.
    for n in 0..100 {
        let (from, to) = if n % 2 == 0 { (&ann, &bob) } else { (&bob, &ann) };
        own = conversation(&from.write(to, &longest(n)).await).to_owned();
    }
    let expected: Vec<String> = (0..100).rev().map(longest).collect();
    for limit in [100, 33] {
        let all = all_messages(&bob, &own, limit).await;
        assert!(contents(&all) == expected, "{} messages by {limit}", all.len());
    }
    // The same texts as last messages in the list of conversations.
    let others = User::many(8).await;
    for other in &others {
        other.write(&ann, &longest(0)).await;
    }
    let listed = ann.conversations().await;
    assert_eq!(listed.len(), 9);
    let is_whole = |listed: &Value| listed["lastMessage"]["content"].as_str().is_some_and(|said| said.len() > 19_000);
    assert!(listed.iter().all(is_whole));
}
