//! Communities.

use serde_json::{Value, json};

use super::Walk;
use crate::support::{Answer, Community, FaultyStack, PASSWORD, User};

async fn send(community: &Community, from: &User, to: &User, key: Option<&str>) -> Answer {
    let body = json!({ "recipient_id": to.id, "content": "A message of a test" });
    key.into_iter().fold(community.letter(from, &body), |call, key| call.key(key)).send().await
}

pub async fn walk(walk: &mut Walk<'_>) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let make = || ann.post("/api/v1/communities").json(&json!({ "name": "A community of a test" }));
    let made = make().send().await;
    walk.cost("create-community", &made).await;
    walk.cost("create-community, with a key", &make().key("key").send().await).await;
    walk.cost("create-community, repeated", &make().key("key").send().await).await;
    let made = made.ok(201);
    let community =
        Community { id: made["id"].as_str().expect("an id").to_owned(), creator: ann.clone(), created: made };
    walk.cost("get-community", &bob.get(&community.path()).send().await).await;
    let change = ann.patch(&community.path()).json(&json!({ "name": "Another name" })).send().await;
    walk.cost("update-community", &change).await;
    walk.cost("join-community", &community.join(&bob).await).await;
    walk.cost("join-community, a member", &community.join(&bob).await).await;

    let sends = [
        ("send-community-message, first message", send(&community, &bob, &ann, None).await),
        ("send-community-message", send(&community, &ann, &bob, None).await),
        ("send-community-message, with a key", send(&community, &bob, &ann, Some("key")).await),
    ];
    // Issue 5: what a message costs at most.
    for (row, answer) in &sends {
        answer.ok(201);
        let cost = walk.cost(row, answer).await;
        assert!(cost.round_trips <= 2, "{cost:?}");
    }
    walk.cost("send-community-message, repeated", &send(&community, &bob, &ann, Some("key")).await).await;
    walk.cost("send-community-message, refused", &send(&community, &bob, &bob, None).await).await;
    walk.cost("list-community-conversations, one", &community.conversations(&ann, "").await).await;
    walk.cost("list-community-conversations, by a member", &community.conversations(&bob, "").await).await;
    let beyond = community.conversations(&ann, "?page=1000000000").await;
    walk.cost("list-community-conversations, behind the end", &beyond).await;
    walk.cost("list-community-messages, 3 of them", &community.messages(&bob, &ann, "").await).await;
    let beyond = community.messages(&bob, &ann, "?page=1000000000").await;
    walk.cost("list-community-messages, behind the end", &beyond).await;
    walk.cost("list-members, one", &ann.get(&community.members_path()).send().await).await;
    walk.cost("block-member", &community.block(&bob).await).await;
    walk.cost("unblock-member", &community.unblock(&bob).await).await;
    let messages = community.all(&bob, &ann).await;
    let [first, second, last] = &messages[..] else { panic!("{messages:?}") };
    walk.cost("delete-community-message", &community.delete(&bob, last).await).await;
    community.delete(&ann, second).await.ok(200);
    let first: &Value = first;
    walk.cost("delete-community-message, the only one", &community.delete(&bob, first).await).await;
    walk.cost("leave-community", &community.leave(&bob).await).await;
    blocked_before_a_message().await;
    overtaken(walk.stack).await;
}

/// A block of a member who has no conversation yet checks that there is none.
async fn blocked_before_a_message() {
    let (community, [bob]) = Community::with_members::<1>().await;
    community.block(&bob).await.ok(200);
    community.unblock(&bob).await.ok(200);
}

/// Somebody joins while the community goes.
async fn overtaken(stack: &FaultyStack) {
    let (community, []) = Community::with_members::<0>().await;
    let user = User::sign_up().await;
    let creator = community.creator.clone();
    let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "joined_at"));
    let overtaken = write.first(async move {
        creator.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    });
    user.post(&community.members_path()).key("join").send().await.ok(404);
    overtaken.over().await;
}
