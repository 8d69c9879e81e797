//! Walks the branches of the functions of communities.

use serde_json::json;

use crate::support::{Community, FaultyStack, PASSWORD, User};

pub async fn scenario(stack: &FaultyStack) {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    for _ in 0..2 {
        ann.post("/api/v1/communities").json(&json!({ "name": "One of a test" })).key("make").send().await.ok(201);
    }
    ann.patch(&community.path()).json(&json!({ "name": "Another name" })).send().await.ok(200);
    bob.get(&community.path()).send().await.ok(200);
    community.block(&bob).await.ok(200);
    community.unblock(&bob).await.ok(200);
    let mut sent = Vec::new();
    for key in ["one", "two", "two"] {
        let body = json!({ "recipient_id": ann.id, "content": "A message of a test" });
        sent.push(community.letter(&bob, &body).key(key).send().await.ok(201));
    }
    community.block(&bob).await.ok(200);
    community.unblock(&bob).await.ok(200);
    assert_eq!(community.listed(ann).await.0, 1);
    assert_eq!(community.all(&bob, ann).await.len(), 2);
    ann.get(&community.members_path()).send().await.ok(200);
    for message in [&sent[1], &sent[0]] {
        community.delete(&bob, message).await.ok(200);
    }
    community.leave(&bob).await.ok(200);
    overtaken(stack, &community).await;
}

/// Somebody joins while the community goes.
async fn overtaken(stack: &FaultyStack, community: &Community) {
    let user = User::sign_up().await;
    let creator = community.creator.clone();
    let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "joined_at"));
    let overtaken = write.first(async move {
        creator.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    });
    user.post(&community.members_path()).key("join").send().await.ok(404);
    overtaken.over().await;
}
