//! The creator blocks members.

use serde_json::json;

use super::steps::{NO_MEMBER, NOT_THE_CREATOR, UNKNOWN, UNREACHABLE, contents};
use crate::support::{Community, FaultyStack, User};

#[tokio::test]
async fn a_block_stops_messages_both_ways_until_it_is_taken_back() {
    let (community, [bob, carl]) = Community::with_members::<2>().await;
    let ann = &community.creator;
    community.write(&bob, ann, "Before").await;
    for _ in 0..2 {
        community.block(&bob).await.is(200, json!({ "user_id": bob.id, "blocked": true }));
        community.say(&bob, ann, "Can you hear me?").await.denies_message(403, UNREACHABLE);
        community.say(ann, &bob, "Can you hear me?").await.denies_message(403, UNREACHABLE);
        assert_eq!((community.listed(ann).await.0, community.listed(&bob).await.0), (0, 0));
    }
    community.write(&carl, ann, "Not for me").await;
    for _ in 0..2 {
        community.unblock(&bob).await.is(200, json!({ "user_id": bob.id, "blocked": false }));
        assert_eq!((community.listed(ann).await.0, community.listed(&bob).await.0), (2, 1));
    }
    community.write(&bob, ann, "After").await;
    community.write(ann, &bob, "And back").await;
    assert_eq!(contents(&community.all(ann, &bob).await), ["Before", "After", "And back"]);
}

#[tokio::test]
async fn a_block_before_any_message_stops_the_first_one() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    community.block(&bob).await.ok(200);
    for (from, to) in [(ann, &bob), (&bob, ann)] {
        community.say(from, to, "Can you hear me?").await.denies_message(403, UNREACHABLE);
    }
    community.unblock(&bob).await.ok(200);
    assert_eq!(community.listed(ann).await.0, 0);
    community.write(&bob, ann, "At last").await;
    assert_eq!((community.listed(ann).await.0, community.listed(&bob).await.0), (1, 1));
}

#[tokio::test]
async fn only_the_creator_blocks_and_only_who_is_or_was_a_member() {
    let (community, [bob, carl]) = Community::with_members::<2>().await;
    let (ann, eve) = (&community.creator, User::sign_up().await);
    let path = |id: &str| format!("{}/{id}/block", community.members_path());
    for user in [&bob, &eve] {
        for id in [&carl.id, &user.id, &ann.id, UNKNOWN, "x"] {
            user.post(&path(id)).send().await.denies(403, NOT_THE_CREATOR);
            user.delete(&path(id)).send().await.denies(403, NOT_THE_CREATOR);
        }
    }
    for id in [&eve.id, &ann.id, UNKNOWN, "x", "me", "%00"] {
        ann.post(&path(id)).send().await.denies(404, NO_MEMBER);
        ann.delete(&path(id)).send().await.denies(404, NO_MEMBER);
    }
    community.leave(&carl).await.ok(200);
    ann.post(&path(&carl.id.to_uppercase())).send().await.ok(200);
    community.unblock(&carl).await.ok(200);
    community.join(&carl).await.ok(201);
    community.write(&bob, ann, "Nothing is in the way").await;
    community.write(&carl, ann, "Nor here").await;
}

/// The message's reads find no block; the block comes before its write.
#[tokio::test]
async fn a_block_or_a_leave_that_overtakes_a_message_stops_it() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (by_leaving, begun, by_member) in
        [(false, false, false), (false, true, true), (false, true, false), (true, false, true), (true, true, false)]
    {
        println!("by leaving: {by_leaving}, in a conversation: {begun}, from the member: {by_member}");
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = community.creator.clone();
        if begun {
            community.write(&bob, &ann, "Before").await;
        }
        let write = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "Overtaken"));
        let (leaver, place) = (bob.clone(), community.clone());
        let overtaken = write.first(async move {
            match by_leaving {
                true => place.leave(&leaver).await.ok(200),
                false => place.block(&leaver).await.ok(200),
            };
        });
        let (from, to) = if by_member { (&bob, &ann) } else { (&ann, &bob) };
        let answer = community.say(from, to, "Overtaken").await;
        overtaken.over().await;
        answer.denies_message(403, UNREACHABLE);
        assert!(stack.stored_with("Overtaken").await.is_empty());
        let listed = u64::from(begun && by_leaving);
        assert_eq!(community.listed(&ann).await.0, listed);
    }
    stack.stop().await;
}
