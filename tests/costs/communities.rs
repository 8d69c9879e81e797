//! What communities cost.

use serde_json::{Value, json};

use super::Costs;
use crate::support::{Answer, Community, User};

async fn send(community: &Community, from: &User, to: &User, key: Option<&str>) -> Answer {
    let body = json!({ "recipient_id": to.id, "content": "A message of a test" });
    key.into_iter().fold(community.letter(from, &body), |call, key| call.key(key)).send().await
}

pub async fn measure(costs: &mut Costs<'_>) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let make = || ann.post("/api/v1/communities").json(&json!({ "name": "A community of a test" }));
    let made = make().send().await;
    costs.add("create-community", &made).await;
    costs.add("create-community, with a key", &make().key("key").send().await).await;
    costs.add("create-community, repeated", &make().key("key").send().await).await;
    let made = made.ok(201);
    let community =
        Community { id: made["id"].as_str().expect("an id").to_owned(), creator: ann.clone(), created: made };
    costs.add("get-community", &bob.get(&community.path()).send().await).await;
    let change = ann.patch(&community.path()).json(&json!({ "name": "Another name" })).send().await;
    costs.add("update-community", &change).await;
    costs.add("join-community", &community.join(&bob).await).await;
    costs.add("join-community, a member", &community.join(&bob).await).await;

    let sends = [
        ("send-community-message, first message", send(&community, &bob, &ann, None).await),
        ("send-community-message", send(&community, &ann, &bob, None).await),
        ("send-community-message, with a key", send(&community, &bob, &ann, Some("key")).await),
    ];
    // Issue 5: what a message costs at most.
    for (row, answer) in &sends {
        answer.ok(201);
        let cost = costs.add(row, answer).await;
        assert!(cost.round_trips <= 2, "{cost:?}");
    }
    costs.add("send-community-message, repeated", &send(&community, &bob, &ann, Some("key")).await).await;
    costs.add("send-community-message, refused", &send(&community, &bob, &bob, None).await).await;
    costs.add("list-community-conversations, one", &community.conversations(&ann, "").await).await;
    costs.add("list-community-conversations, by a member", &community.conversations(&bob, "").await).await;
    let beyond = community.conversations(&ann, "?page=1000000000").await;
    costs.add("list-community-conversations, behind the end", &beyond).await;
    costs.add("list-community-messages, 3 of them", &community.messages(&bob, &ann, "").await).await;
    let beyond = community.messages(&bob, &ann, "?page=1000000000").await;
    costs.add("list-community-messages, behind the end", &beyond).await;
    costs.add("list-members, one", &ann.get(&community.members_path()).send().await).await;
    costs.add("block-member", &community.block(&bob).await).await;
    costs.add("unblock-member", &community.unblock(&bob).await).await;
    let messages = community.all(&bob, &ann).await;
    let [first, second, last] = &messages[..] else { panic!("{messages:?}") };
    costs.add("delete-community-message", &community.delete(&bob, last).await).await;
    community.delete(&ann, second).await.ok(200);
    let first: &Value = first;
    costs.add("delete-community-message, the only one", &community.delete(&bob, first).await).await;
    costs.add("leave-community", &community.leave(&bob).await).await;
}
