//! Membership: joining, leaving, and the list of members.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::steps::{BLOCKED, IS_CREATOR, NOT_THE_CREATOR, UNREACHABLE, person};
use crate::support::{Community, User, all_at_once, forgeries, time};

async fn role(community: &Community, user: &User) -> Value {
    user.get(&community.path()).send().await.ok(200)["role"].clone()
}

/// All members, page by page.
async fn members(community: &Community, limit: usize) -> Vec<Value> {
    let (mut all, mut query) = (Vec::new(), format!("?limit={limit}"));
    loop {
        let page = community.creator.get(&format!("{}{query}", community.members_path())).send().await.ok(200);
        let members = page["members"].as_array().expect("members");
        assert!(members.len() <= limit);
        all.extend(members.iter().cloned());
        let Value::String(cursor) = &page["next_cursor"] else { return all };
        query = format!("?limit={limit}&cursor={cursor}");
    }
}

#[tokio::test]
async fn whoever_joins_is_a_member_until_leaving() {
    let community = Community::open().await;
    let bob = User::sign_up().await;
    community.leave(&bob).await.ok(200);
    assert_eq!(role(&community, &bob).await, Value::Null);
    let joined = community.join(&bob).await.ok(201);
    assert_eq!((&joined["community_id"], &joined["user"]), (&json!(community.id), &person(&bob)));
    time(&joined["joined_at"]);
    assert_eq!(role(&community, &bob).await, "member");
    community.join(&bob).await.is(201, joined.clone());
    assert_eq!(
        members(&community, 10).await,
        [json!({ "user": person(&bob), "joined_at": joined["joined_at"], "blocked": false })]
    );
    for _ in 0..2 {
        community.leave(&bob).await.is(200, json!({ "message": "You are not a member of this community any more" }));
        assert_eq!(role(&community, &bob).await, Value::Null);
        assert!(members(&community, 10).await.is_empty());
    }
    let again = community.join(&bob).await.ok(201);
    assert!(time(&again["joined_at"]) > time(&joined["joined_at"]));
    assert_eq!(members(&community, 10).await.len(), 1);
}

#[tokio::test]
async fn the_creator_neither_joins_nor_leaves() {
    let community = Community::open().await;
    for _ in 0..2 {
        community.join(&community.creator).await.denies(409, IS_CREATOR);
        community.leave(&community.creator).await.denies(409, IS_CREATOR);
        assert_eq!(role(&community, &community.creator).await, "creator");
    }
}

#[tokio::test]
async fn a_block_outlives_leaving_and_keeps_its_user_out() {
    let (community, [bob]) = Community::with_members::<1>().await;
    community.block(&bob).await.ok(200);
    assert_eq!(role(&community, &bob).await, Value::Null);
    assert_eq!(members(&community, 10).await[0]["blocked"], true);
    community.join(&bob).await.denies(403, BLOCKED);
    community.leave(&bob).await.ok(200);
    community.join(&bob).await.denies(403, BLOCKED);
    assert!(members(&community, 10).await.is_empty());
    community.unblock(&bob).await.ok(200);
    community.say(&bob, &community.creator, "Am I back").await.denies_message(403, UNREACHABLE);
    community.join(&bob).await.ok(201);
    community.write(&bob, &community.creator, "I am back").await;
}

#[tokio::test]
async fn members_are_listed_page_by_page_to_the_creator_only() {
    let (community, joined) = Community::with_members::<7>().await;
    let eve = User::sign_up().await;
    for user in [&joined[0], &eve] {
        for query in ["", "?limit=0", "?cursor=x"] {
            user.get(&format!("{}{query}", community.members_path())).send().await.denies(403, NOT_THE_CREATOR);
        }
    }
    // Members who have left leave no gaps in the pages.
    for gone in [0, 3, 4, 6] {
        let mut expected: Vec<&str> = joined.iter().map(|user| user.id.as_str()).collect();
        community.leave(&joined[gone]).await.ok(200);
        let left: BTreeSet<&str> =
            [0, 3, 4, 6].iter().filter(|n| **n <= gone).map(|n| joined[*n].id.as_str()).collect();
        expected.retain(|id| !left.contains(id));
        expected.sort_unstable();
        for limit in [1, 2, 3, 7, 100] {
            let all = members(&community, limit).await;
            let ids: Vec<&str> = all.iter().map(|member| member["user"]["id"].as_str().expect("an id")).collect();
            assert_eq!(ids, expected, "by {limit}");
        }
    }
}

#[tokio::test]
async fn a_bad_limit_or_cursor_of_members_is_refused() {
    let (community, [_, _, _]) = Community::with_members::<3>().await;
    let ann = &community.creator;
    let path = community.members_path();
    let page = ann.get(&format!("{path}?limit=1")).send().await.ok(200);
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    for forged in forgeries(cursor) {
        ann.get(&format!("{path}?cursor={forged}"))
            .send()
            .await
            .denies(400, "cursor is not valid; start again without it");
    }
    for limit in ["0", "101", "-1", "x", "", "1.5", "99999999999999999999"] {
        ann.get(&format!("{path}?limit={limit}"))
            .send()
            .await
            .denies(422, "limit must be a whole number from 1 to 100");
    }
    let other = Community::of(ann).await;
    let elsewhere = ann.get(&format!("{}?cursor={cursor}", other.members_path())).send().await;
    elsewhere.denies(400, "cursor is not valid; start again without it");
}

#[tokio::test]
async fn thirty_who_join_at_once_are_thirty_members_and_one_who_joins_thirty_times_is_one() {
    let community = Community::open().await;
    let users = User::many(10).await;
    let joining = (0..30).map(|n| {
        let (community, user) = (community.clone(), users[n % 10].clone());
        async move { community.join(&user).await.ok(201) }
    });
    let answers = all_at_once(joining).await;
    assert_eq!(members(&community, 4).await.len(), 10);
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer, &answers[n % 10]);
    }
    let leaving = (0..20).map(|n| {
        let (community, user) = (community.clone(), users[n % 10].clone());
        async move { community.leave(&user).await.ok(200) }
    });
    all_at_once(leaving).await;
    assert!(members(&community, 4).await.is_empty());
}
