//! The list of conversations: the creator sees all, newest activity first, and a member sees only their own.

use serde_json::{Value, json};

use super::steps::{NOT_A_MEMBER, data, id, nobody, person};
use crate::support::{Community, PASSWORD, User, all_at_once, time};

/// A conversation in the list, from its first and its last message.
fn whole_number(first: &Value, last: &Value, user: Value) -> Value {
    json!({
        "id": first["id"], "updated_at": last["updated_at"], "user": user,
        "latest_message": {
            "id": last["id"], "content": last["content"], "created_at": last["created_at"], "sender": last["sender"],
        },
    })
}

#[tokio::test]
async fn conversations_are_listed_newest_activity_first_with_their_last_message() {
    let (community, [bob, carl, dora]) = Community::with_members::<3>().await;
    let ann = &community.creator;
    assert_eq!(community.listed(ann).await, (0, Vec::new()));
    let from_bob = community.write(&bob, ann, "From Bob").await;
    let to_carl = community.write(ann, &carl, "To Carl").await;
    let listed = community.listed(ann).await;
    let bobs = whole_number(&from_bob, &from_bob, person(&bob));
    assert_eq!(listed, (2, vec![whole_number(&to_carl, &to_carl, person(&carl)), bobs.clone()]));
    let fields: Vec<&str> = listed.1[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["id", "updated_at", "user", "latest_message"]);
    time(&listed.1[0]["updated_at"]);

    let to_bob = community.write(ann, &bob, "To Bob").await;
    let carls = whole_number(&to_carl, &to_carl, person(&carl));
    assert_eq!(community.listed(ann).await, (2, vec![whole_number(&from_bob, &to_bob, person(&bob)), carls]));
    // A member has one conversation, with the creator.
    assert_eq!(community.listed(&bob).await, (1, vec![whole_number(&from_bob, &to_bob, person(ann))]));
    assert_eq!(community.listed(&carl).await, (1, vec![whole_number(&to_carl, &to_carl, person(ann))]));
    assert_eq!(community.listed(&dora).await, (0, Vec::new()));
    community.conversations(&User::sign_up().await, "").await.denies(403, NOT_A_MEMBER);
}

#[tokio::test]
async fn whoever_has_left_still_sees_the_own_conversation_and_the_creator_sees_it_too() {
    let (community, [bob, carl]) = Community::with_members::<2>().await;
    let ann = &community.creator;
    let message = community.write(&bob, ann, "Before I go").await;
    community.leave(&bob).await.ok(200);
    community.leave(&carl).await.ok(200);
    assert_eq!(community.listed(&bob).await, (1, vec![whole_number(&message, &message, person(ann))]));
    assert_eq!(community.listed(ann).await, (1, vec![whole_number(&message, &message, person(&bob))]));
    assert_eq!(community.listed(&carl).await, (0, Vec::new()));
    bob.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    let mut last = message.clone();
    last["sender"] = nobody(&bob);
    assert_eq!(community.listed(ann).await, (1, vec![whole_number(&message, &last, nobody(&bob))]));
}

#[tokio::test]
async fn conversations_come_page_by_page_and_blocked_ones_are_left_out_for_both_sides() {
    let (community, members) = Community::with_members::<12>().await;
    let ann = &community.creator;
    for member in &members {
        community.write(member, ann, "Hello").await;
    }
    let mut order: Vec<&User> = members.iter().rev().collect();
    for blocked in [None, Some(3), Some(0), Some(9)] {
        if let Some(n) = blocked {
            let blocked = order.remove(n);
            community.block(blocked).await.is(200, json!({ "user_id": blocked.id, "blocked": true }));
            assert_eq!(community.listed(blocked).await, (0, Vec::new()));
        }
        for size in [1, 5, 9, 12, 100] {
            for page in 1..=order.len().div_ceil(size) + 1 {
                let listed = community.conversations(ann, &format!("?page={page}&per_page={size}")).await.ok(200);
                let users: Vec<&str> = data(&listed).iter().map(|one| id(&one["user"])).collect();
                let expected: Vec<&str> =
                    order.iter().skip((page - 1) * size).take(size).map(|user| user.id.as_str()).collect();
                assert_eq!(users, expected, "page {page} by {size}");
                assert_eq!(listed["total"], order.len());
                assert_eq!(listed["has_more"], page * size < order.len());
            }
        }
    }
    let listed = community.conversations(ann, "").await.ok(200);
    assert_eq!((&listed["total"], data(&listed).len()), (&json!(9), 9));
}

#[tokio::test]
async fn the_default_page_has_20() {
    let community = Community::open().await;
    let joining = User::many(21).await.into_iter().map(|user| {
        let community = community.clone();
        async move {
            community.join(&user).await.ok(201);
            community.write(&user, &community.creator, "Hello").await
        }
    });
    all_at_once(joining).await;
    let first = community.conversations(&community.creator, "").await.ok(200);
    assert_eq!((data(&first).len(), &first["total"], &first["has_more"]), (20, &json!(21), &json!(true)));
    let second = community.conversations(&community.creator, "?page=2").await.ok(200);
    assert_eq!((data(&second).len(), &second["total"], &second["has_more"]), (1, &json!(21), &json!(false)));
    let of = |page: &Value| data(page).iter().map(|one| id(&one["latest_message"]).to_owned()).collect::<Vec<_>>();
    let all = [of(&first), of(&second)].concat();
    assert!(all.is_sorted_by(|newer, older| newer > older), "{all:?}");
}
