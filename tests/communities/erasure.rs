//! Communities after an account is deleted.

use serde_json::json;

use super::steps::{NO_COMMUNITY, contents, nobody};
use crate::support::{Community, FaultyStack, PASSWORD, SOON, User, eventually};

async fn delete_account(user: &User) {
    user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
}

/// Waits until nothing of a community is left but notification states, which expire by themselves.
async fn is_gone(stack: &FaultyStack, community: &Community) {
    eventually("the end of a community", SOON, async || {
        let mut left = stack.stored_with(&community.id).await;
        left.retain(|item| !item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("NOTIFICATION#")));
        left.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_member_who_is_gone_leaves_what_was_said_to_the_creator() {
    let Some(stack) = FaultyStack::start().await else { return };
    let (community, [bob, carl]) = Community::with_members::<2>().await;
    let ann = &community.creator;
    let other = Community::open().await;
    other.join(&bob).await.ok(201);
    community.write(&bob, ann, "What I said").await;
    community.block(&carl).await.ok(200);
    for user in [&bob, &carl] {
        delete_account(user).await;
        assert!(stack.stored_with(&format!("USER#{}", user.id)).await.is_empty());
    }
    let (total, listed) = community.listed(ann).await;
    assert_eq!((total, &listed[0]["user"]), (1, &nobody(&bob)));
    assert_eq!(contents(&community.all(ann, &bob).await), ["What I said"]);
    for place in [&community, &other] {
        let members = place.creator.get(&place.members_path()).send().await.ok(200);
        assert_eq!(members["members"], json!([]));
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_community_goes_with_its_creator_and_all_that_was_said_in_it() {
    let Some(stack) = FaultyStack::start().await else { return };
    let (community, members) = Community::with_members::<13>().await;
    let ann = &community.creator;
    let elsewhere = Community::of(&members[0]).await;
    elsewhere.join(ann).await.ok(201);
    elsewhere.write(ann, &members[0], "What stays").await;
    for member in &members {
        community.write(member, ann, "What goes").await;
    }
    // More than one step of the deletion removes, and less than a user may send in a minute.
    for n in 0..110 {
        community.write(ann, &members[0], &format!("Long {n}")).await;
    }
    community.leave(&members[1]).await.ok(200);
    community.block(&members[2]).await.ok(200);
    delete_account(ann).await;
    is_gone(&stack, &community).await;
    for member in &members[..3] {
        member.get(&community.path()).send().await.denies(404, NO_COMMUNITY);
        community.say(member, ann, "Hello?").await.denies(404, NO_COMMUNITY);
        community.join(member).await.denies(404, NO_COMMUNITY);
        community.messages(member, ann, "").await.denies(404, NO_COMMUNITY);
    }
    assert_eq!(contents(&elsewhere.all(&members[0], ann).await), ["What stays"]);
    assert!(stack.stored_with("What goes").await.is_empty());
    stack.stop().await;
}

/// A join that reads the community just before its deletion is found by the deletion.
#[tokio::test]
async fn who_joins_while_a_community_closes_leaves_nothing_behind() {
    let Some(stack) = FaultyStack::start().await else { return };
    for was_member in [false, true] {
        let community = Community::open().await;
        let bob = User::sign_up().await;
        if was_member {
            community.join(&bob).await.ok(201);
            community.write(&bob, &community.creator, "Before").await;
            community.leave(&bob).await.ok(200);
        }
        let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "joined_at"));
        let creator = community.creator.clone();
        let overtaken = write.first(async move { delete_account(&creator).await });
        let join = || bob.post(&community.members_path()).key("a-key").send();
        let answer = join().await;
        overtaken.over().await;
        answer.denies(404, NO_COMMUNITY);
        join().await.denies(404, NO_COMMUNITY);
        is_gone(&stack, &community).await;
    }
    stack.stop().await;
}
