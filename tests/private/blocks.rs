//! `POST` and `DELETE /users/{userId}/block`, `GET /users/blocked`.

use serde_json::{Value, json};

use super::steps::{
    BAD_CURSOR, BAD_LIMIT, TO_SELF, UNKNOWN, all_by, block, conversation, id, pair, three, two, unblock,
};
use crate::support::{User, all_at_once, forgeries, now, time};

const BLOCKED_USERS: &str = "/users/blocked";

async fn blocked(user: &User) -> Vec<Value> {
    all_by(user, BLOCKED_USERS, "users", 100).await
}

/// The ids of blocked users in the list's order, which is that of their sign-ups.
fn in_order(users: &[User]) -> Vec<&str> {
    let mut ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_block_is_listed_until_it_is_taken_back() {
    let [ann, bob, eve] = three().await;
    let begin = now();
    block(&ann, &bob).await;
    let listed = blocked(&ann).await;
    let whole = json!([{ "_id": bob.id, "username": bob.username, "blockedAt": listed[0]["blockedAt"] }]);
    assert_eq!(json!(listed), whole);
    let fields: Vec<&str> = listed[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["_id", "username", "blockedAt"]);
    assert!((time(&listed[0]["blockedAt"]) - begin).abs() < time::Duration::minutes(5));
    // Only the first block counts.
    block(&ann, &bob).await;
    assert_eq!(blocked(&ann).await, listed);
    block(&ann, &eve).await;
    assert_eq!(blocked(&ann).await.len(), 2);
    for user in [&bob, &eve] {
        assert_eq!(blocked(user).await, [] as [Value; 0]);
    }
    for _ in 0..2 {
        unblock(&ann, &bob).await;
    }
    assert_eq!(blocked(&ann).await[0]["_id"], eve.id);
    unblock(&ann, &eve).await;
    assert_eq!(blocked(&ann).await, [] as [Value; 0]);
}

#[tokio::test]
async fn only_another_user_that_there_is_can_be_blocked() {
    let ([ann, bob], sent) = pair(["Hello"]).await;
    ann.post(&format!("/users/{}/block", ann.id)).send().await.rejects(400, TO_SELF);
    for nobody in [UNKNOWN, id(&sent[0]), conversation(&sent[0])] {
        let path = format!("/users/{nobody}/block");
        ann.post(&path).send().await.rejects(404, "User not found");
        // There is no block to remove, which is the requested state.
        let data = ann.delete(&path).send().await.processed(200);
        assert_eq!(data, json!({ "userId": nobody, "blocked": false }));
    }
    unblock(&ann, &bob).await;
    assert_eq!(blocked(&ann).await, [] as [Value; 0]);
    bob.write(&ann, "Nobody is blocked").await;
}

#[tokio::test]
async fn blocks_are_listed_page_by_page_in_one_order() {
    let (ann, others) = (User::sign_up().await, User::many(7).await);
    for other in others.iter().rev() {
        block(&ann, other).await;
    }
    let expected = in_order(&others);
    for limit in [1, 2, 3, 6, 7, 8, 100] {
        let listed = all_by(&ann, BLOCKED_USERS, "users", limit).await;
        let ids: Vec<&str> = listed.iter().filter_map(|user| user["_id"].as_str()).collect();
        assert_eq!(ids, expected, "by {limit}");
        for user in &others {
            let listed = listed.iter().find(|listed| listed["_id"] == user.id).expect("each one");
            assert_eq!(listed["username"], user.username);
        }
    }
    let page = ann.get("/users/blocked?limit=7").send().await.processed(200);
    assert_eq!(page["nextCursor"], Value::Null);
    // Entries that disappear while a user pages do not make others disappear.
    let page = ann.get("/users/blocked?limit=3").send().await.processed(200);
    for gone in [2, 3] {
        let gone = others.iter().find(|other| other.id == expected[gone]).expect("a user");
        unblock(&ann, gone).await;
    }
    let cursor = page["nextCursor"].as_str().expect("a cursor");
    let rest = ann.get(&format!("/users/blocked?cursor={cursor}")).send().await.processed(200);
    let ids: Vec<&str> =
        rest["users"].as_array().expect("users").iter().filter_map(|user| user["_id"].as_str()).collect();
    assert_eq!(ids, expected[4..]);
}

#[tokio::test]
async fn a_bad_limit_or_cursor_is_refused() {
    let (ann, others) = (User::sign_up().await, User::many(3).await);
    for other in &others {
        block(&ann, other).await;
        block(other, &ann).await;
    }
    let page = ann.get("/users/blocked?limit=2").send().await.processed(200);
    let cursor = page["nextCursor"].as_str().expect("a cursor");
    for forged in forgeries(cursor) {
        println!("{forged}");
        ann.get(&format!("/users/blocked?cursor={forged}")).send().await.rejects(400, BAD_CURSOR);
    }
    for limit in ["0", "101", "-1", "1.5", "x", ""] {
        ann.get(&format!("/users/blocked?limit={limit}")).send().await.rejects(400, BAD_LIMIT);
    }
    // A cursor is valid for one list of one user.
    let path = format!("/users/blocked?cursor={cursor}");
    others[0].get(&path).send().await.rejects(400, BAD_CURSOR);
    ann.get(&format!("/conversations?cursor={cursor}")).send().await.rejects(400, BAD_CURSOR);
    assert_eq!(ann.get(&path).send().await.processed(200)["users"].as_array().expect("users").len(), 1);
}

#[tokio::test]
async fn blocks_and_their_end_race_to_one_of_the_two() {
    let [ann, bob] = two().await;
    for _ in 0..4 {
        let calls = (0..10).map(|n| {
            let path = format!("/users/{}/block", bob.id);
            let call = if n % 2 == 0 { ann.post(&path) } else { ann.delete(&path) };
            async move { call.send().await }
        });
        for answer in all_at_once(calls).await {
            answer.processed(200);
        }
        // The list agrees with the outcome of a send.
        let is_listed = !blocked(&ann).await.is_empty();
        let answer = super::steps::say(&bob, &ann, "Am I blocked").await;
        assert_eq!(answer.status == 400, is_listed, "{}", answer.text());
    }
}
