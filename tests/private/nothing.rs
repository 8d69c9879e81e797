//! A refused request leaves nothing behind: the table stays exactly as it was.

use serde_json::{Value, json};

use super::steps::{UNKNOWN, block, conversation, id, mark, pair, reply, text, unread};
use crate::inbox::table;
use crate::support::{Answer, Call, FaultyStack, User};

/// All items that requests have stored, sorted. Notification states are left out, as the worker writes them at any time.
async fn stored(stack: &FaultyStack) -> Vec<Value> {
    let mut items = stack.stored().await;
    items.retain(|item| !item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("NOTIFICATION#")));
    items.retain(|item| !is_limit_without_hits(item));
    items.sort_by_key(|item| item["pk"].to_string() + &item["sk"].to_string());
    items
}

/// A limit from which nothing is taken: its item counts the hits that it ever held, and holds none.
fn is_limit_without_hits(item: &Value) -> bool {
    let is_limit = item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("LIMIT#"));
    is_limit
        && item
            .as_object()
            .is_some_and(|item| item.keys().all(|name| ["pk", "sk", "n", "ttl"].contains(&name.as_str())))
}

/// Sends the request without and with a key, and asserts that the table has not changed.
async fn comes_to_nothing(stack: &FaultyStack, status: u16, call: impl Fn() -> Call) {
    let before = stored(stack).await;
    let answers: [Answer; 2] = [call().send().await, call().key("a-key-for-what-is-refused").send().await];
    for answer in answers {
        assert_eq!((answer.status, &answer.json()["success"]), (status, &json!(false)), "{}", answer.text());
    }
    let after = stored(stack).await;
    assert_eq!(after.iter().find(|item| !before.contains(item)), None);
    assert_eq!(after.len(), before.len());
}

#[tokio::test]
async fn a_refused_message_leaves_nothing_behind() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let ([ann, bob], sent) = pair(["Hello"]).await;
    let (eve, dan) = (User::sign_up().await, User::sign_up().await);
    block(&dan, &ann).await;
    let good = text("A message that is not to be");
    let own_conversation = conversation(&sent[0]);
    let bodies = [
        json!({}),
        text(""),
        text(" "),
        text("\u{0}"),
        text(&"x".repeat(5_001)),
        json!({ "content": "Hello", "type": "audio" }),
        json!({ "content": "Hello", "type": "text", "more": 1 }),
        json!({ "content": "Hello", "type": "file", "media": [{ "publicId": "temp/x" }] }),
    ];
    for body in &bodies {
        println!("{body}");
        comes_to_nothing(&stack, 400, || ann.letter(&eve.id, body.clone())).await;
        comes_to_nothing(&stack, 400, || reply(&ann, own_conversation, body)).await;
    }
    for nobody in [&ann.id, UNKNOWN, id(&sent[0]), own_conversation, "x", &dan.id] {
        println!("{nobody}");
        comes_to_nothing(&stack, 400, || ann.letter(nobody, good.clone())).await;
    }
    comes_to_nothing(&stack, 400, || dan.letter(&ann.id, good.clone())).await;
    for nothing in [UNKNOWN, &bob.id, id(&sent[0])] {
        comes_to_nothing(&stack, 403, || reply(&ann, nothing, &good)).await;
    }
    comes_to_nothing(&stack, 403, || reply(&eve, own_conversation, &good)).await;
    let path = format!("/message/send/{}", eve.id);
    comes_to_nothing(&stack, 415, || ann.post(&path).bytes("text/plain", good.to_string())).await;
    comes_to_nothing(&stack, 400, || ann.post(&path).bytes("application/json", "{")).await;
    comes_to_nothing(&stack, 413, || ann.post(&path).bytes("application/json", " ".repeat(70_000))).await;
    comes_to_nothing(&stack, 401, || ann.client.post(&path).json(&good)).await;
    let elsewhere = ann.on_new_device().await;
    comes_to_nothing(&stack, 401, || elsewhere.letter(&eve.id, good.clone())).await;
    table::set_status(&stack.stack, &ann, "suspended").await;
    comes_to_nothing(&stack, 401, || ann.letter(&eve.id, good.clone())).await;
    table::set_status(&stack.stack, &ann, "active").await;
    assert_eq!(eve.conversations().await, [] as [Value; 0]);
    stack.stop().await;
}

#[tokio::test]
async fn a_refused_mark_deletion_or_block_leaves_nothing_behind() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let ([ann, bob], sent) = pair(["Hello"]).await;
    let eve = User::sign_up().await;
    let own_conversation = conversation(&sent[0]);
    let upto = json!({ "messageId": id(&sent[0]) });
    for how in ["delivered", "seen"] {
        let path = format!("/conversations/{own_conversation}/{how}");
        comes_to_nothing(&stack, 403, || eve.post(&path).json(&upto)).await;
        comes_to_nothing(&stack, 404, || bob.post(&path).json(&json!({ "messageId": UNKNOWN }))).await;
        for wrong in [json!({}), json!({ "messageId": "x" }), json!({ "messageId": id(&sent[0]), "more": 1 })] {
            comes_to_nothing(&stack, 400, || bob.post(&path).json(&wrong)).await;
        }
    }
    let path = format!("/conversations/{own_conversation}/messages/{}", id(&sent[0]));
    comes_to_nothing(&stack, 403, || bob.delete(&path)).await;
    comes_to_nothing(&stack, 403, || eve.delete(&path)).await;
    comes_to_nothing(&stack, 404, || ann.delete(&path.replace(id(&sent[0]), UNKNOWN))).await;
    comes_to_nothing(&stack, 404, || ann.post(&format!("/users/{UNKNOWN}/block"))).await;
    comes_to_nothing(&stack, 400, || ann.post(&format!("/users/{}/block", ann.id))).await;
    comes_to_nothing(&stack, 400, || ann.delete("/users/x/block")).await;
    // Requests without effect leave nothing behind either: a repeated mark, a repeated block, an unblock without a block.
    mark(&bob, "seen", own_conversation, id(&sent[0])).await.processed(200);
    block(&ann, &eve).await;
    // They succeed, so the limits count them.
    let besides_limits = async || {
        let mut items = stored(&stack).await;
        items.retain(|item| !item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("LIMIT#")));
        items
    };
    let before = besides_limits().await;
    mark(&bob, "seen", own_conversation, id(&sent[0])).await.processed(200);
    block(&ann, &eve).await;
    super::steps::unblock(&bob, &ann).await;
    assert_eq!(besides_limits().await, before);
    assert_eq!(unread(&bob).await, 0);
    stack.stop().await;
}
