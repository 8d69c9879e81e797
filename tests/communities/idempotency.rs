//! `Idempotency-Key` in communities: a replay is not done again.

use serde_json::{Value, json};

use super::steps::{BLANK, UNREACHABLE};
use crate::support::{Community, User, all_at_once};

const ANOTHER: &str = "This Idempotency-Key was already used for another request";
const BAD_KEY: &str = "Idempotency-Key must be 1 to 255 visible ASCII characters";

#[tokio::test]
async fn a_message_sent_again_with_its_key_is_answered_again() {
    let (community, [bob, carl]) = Community::with_members::<2>().await;
    let ann = &community.creator;
    let body = json!({ "recipient_id": ann.id, "content": "Hello" });
    let send = |user: &User, body: &Value| community.letter(user, body).key("a-key").send();
    let first = send(&bob, &body).await;
    let message = first.ok(201);
    for _ in 0..3 {
        assert_eq!(send(&bob, &body).await.text(), first.text());
    }
    let other = json!({ "recipient_id": ann.id, "content": "Hello?" });
    send(&bob, &other).await.denies_message(422, ANOTHER);
    // A key is bound to its user and its community.
    let carls = send(&carl, &body).await.ok(201);
    assert_ne!(carls["id"], message["id"]);
    let second = Community::of(ann).await;
    second.join(&bob).await.ok(201);
    assert_ne!(second.letter(&bob, &body).key("a-key").send().await.ok(201)["id"], message["id"]);
    assert_eq!(community.all(&bob, ann).await, [message]);
    // A replay gets the first answer, even if the request would be refused now.
    community.leave(&bob).await.ok(200);
    assert_eq!(send(&bob, &body).await.text(), first.text());
    send(&bob, &other).await.denies_message(422, ANOTHER);
}

#[tokio::test]
async fn what_was_refused_leaves_its_key_free() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    let send = |content: &str| {
        community.letter(&bob, &json!({ "recipient_id": ann.id, "content": content })).key("a-key").send()
    };
    send("").await.denies_message(422, BLANK);
    community.block(&bob).await.ok(200);
    send("Hello").await.denies_message(403, UNREACHABLE);
    community.unblock(&bob).await.ok(200);
    send("Another one").await.ok(201);
    let bad = community.letter(&bob, &json!({ "recipient_id": ann.id, "content": "Hello" })).key("a b").send().await;
    bad.denies_message(422, BAD_KEY);
    assert_eq!(community.all(&bob, ann).await.len(), 1);
}

#[tokio::test]
async fn a_community_made_again_with_its_key_is_made_once() {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let create =
        |user: &User, name: &str| user.post("/api/v1/communities").json(&json!({ "name": name })).key("a-key").send();
    let made = all_at_once((0..8).map(|_| create(&ann, "Roses"))).await;
    let first = made[0].ok(201);
    made.iter().for_each(|answer| answer.is(201, first.clone()));
    create(&ann, "Lilies").await.denies(422, ANOTHER);
    assert_ne!(create(&bob, "Roses").await.ok(201)["id"], first["id"]);
    let bad = ann.post("/api/v1/communities").json(&json!({ "name": "x" })).key("a b").send().await;
    bad.denies(422, BAD_KEY);
}

#[tokio::test]
async fn joining_again_with_its_key_does_not_undo_leaving() {
    let community = Community::open().await;
    let bob = User::sign_up().await;
    let join = || bob.post(&community.members_path()).key("a-key").send();
    let first = join().await.ok(201);
    join().await.is(201, first.clone());
    community.leave(&bob).await.ok(200);
    join().await.is(201, first.clone());
    assert_eq!(bob.get(&community.path()).send().await.ok(200)["role"], Value::Null);
    // Without the key, or with another one, the user joins.
    assert_ne!(community.join(&bob).await.ok(201)["joined_at"], first["joined_at"]);
    bob.post(&community.members_path()).key("a b").send().await.denies(422, BAD_KEY);
}
