//! Concurrent first messages, blocks and deletions: there is one conversation in one order, and counts are right afterwards.

use std::collections::BTreeSet;

use serde_json::Value;

use super::steps::{NO_MESSAGE, NOT_THE_LAST, UNREACHABLE, id};
use crate::support::{Answer, Community, User, all_at_once};

/// Sends that many messages each way, all at once.
async fn burst(community: &Community, bob: &User, each: usize) -> Vec<Answer> {
    let sends = (0..2 * each).map(|n| {
        let (community, bob) = (community.clone(), bob.clone());
        async move {
            let ann = &community.creator;
            let (from, to) = if n % 2 == 0 { (ann, &bob) } else { (&bob, ann) };
            community.say(from, to, &format!("The message {n}")).await
        }
    });
    all_at_once(sends).await
}

#[tokio::test]
async fn fifty_first_messages_from_both_sides_begin_one_conversation() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = &community.creator;
    let sent: Vec<Value> = burst(&community, &bob, 25).await.iter().map(|answer| answer.ok(201)).collect();
    let listed = community.all(ann, &bob).await;
    assert_eq!(community.all(&bob, ann).await, listed);
    assert_eq!(listed.len(), 50);
    let ids: Vec<&str> = listed.iter().map(id).collect();
    assert!(ids.is_sorted_by(|older, newer| older < newer), "{ids:?}");
    assert_eq!(ids.iter().copied().collect::<BTreeSet<_>>(), sent.iter().map(id).collect());
    for message in &sent {
        assert!(listed.contains(message));
    }
    for user in [ann, &bob] {
        let (total, conversations) = community.listed(user).await;
        assert_eq!((total, conversations.len()), (1, 1));
        assert_eq!(conversations[0]["id"], listed[0]["id"]);
        assert_eq!(conversations[0]["latest_message"]["id"], listed[49]["id"]);
    }
}

#[tokio::test]
async fn first_messages_of_many_members_at_once_are_as_many_conversations() {
    let (community, members) = Community::with_members::<16>().await;
    let sends = members.iter().cycle().take(48).enumerate().map(|(n, member)| {
        let (community, member) = (community.clone(), member.clone());
        async move {
            let ann = community.creator.clone();
            let (from, to) = if n % 2 == 0 { (&member, &ann) } else { (&ann, &member) };
            community.say(from, to, "Hello").await
        }
    });
    all_at_once(sends.collect::<Vec<_>>()).await.iter().for_each(|answer| drop(answer.ok(201)));
    let (total, listed) = community.listed(&community.creator).await;
    assert_eq!((total, listed.len()), (16, 16));
    let last: Vec<&str> = listed.iter().map(|one| id(&one["latest_message"])).collect();
    assert!(last.is_sorted_by(|newer, older| newer > older), "{last:?}");
}

#[tokio::test]
async fn one_message_30_times_at_once_with_one_key_is_stored_once_and_answered_alike() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let sends = (0..30).map(|_| {
        let body = serde_json::json!({ "recipient_id": community.creator.id, "content": "Only once, please" });
        let call = community.letter(&bob, &body).key("a-key");
        async move { call.send().await }
    });
    let answers = all_at_once(sends).await;
    let message = answers[0].ok(201);
    for answer in &answers {
        assert_eq!((answer.status, answer.text()), (201, answers[0].text()));
    }
    assert_eq!(community.all(&bob, &community.creator).await, [message]);
}

/// Whatever the outcome, the lists, the count and the messages agree afterwards.
async fn assert_consistent(community: &Community, bob: &User, is_blocked: bool) {
    let ann = &community.creator;
    let messages = community.all(ann, bob).await;
    assert_eq!(community.all(bob, ann).await, messages);
    let page = community.messages(ann, bob, "?per_page=1").await.ok(200);
    assert_eq!(page["total"], messages.len());
    let is_listed = !messages.is_empty() && !is_blocked;
    for user in [ann, bob] {
        let (total, listed) = community.listed(user).await;
        assert_eq!((total, listed.len()), (u64::from(is_listed), usize::from(is_listed)));
        if let (Some(one), Some(last)) = (listed.first(), messages.last()) {
            assert_eq!((&one["latest_message"]["id"], &one["id"]), (&last["id"], &messages[0]["id"]));
        }
    }
}

#[tokio::test]
async fn blocks_first_messages_and_deletions_at_once_leave_counts_that_are_right() {
    for round in 0..6 {
        let (community, [bob]) = Community::with_members::<1>().await;
        let ann = community.creator.clone();
        let begun = match round % 2 {
            0 => None,
            _ => Some(community.write(&bob, &ann, "The first one").await),
        };
        let acts = (0..18).map(|n| {
            let (community, ann, bob, begun) = (community.clone(), ann.clone(), bob.clone(), begun.clone());
            async move {
                match (n % 6, begun) {
                    (0, _) => community.block(&bob).await.ok(200),
                    (1, _) => community.unblock(&bob).await.ok(200),
                    (2, Some(message)) => {
                        let answer = community.delete(&bob, &message).await;
                        match answer.status {
                            200 => {}
                            403 => answer.denies(403, NOT_THE_LAST),
                            _ => answer.denies(404, NO_MESSAGE),
                        }
                        Value::Null
                    }
                    (n, _) => {
                        let (from, to) = if n % 2 == 0 { (&ann, &bob) } else { (&bob, &ann) };
                        let answer = community.say(from, to, "In between").await;
                        match answer.status {
                            201 => {
                                // The message is deleted at once, unless a newer one follows it.
                                let taken = community.delete(from, &answer.json()).await;
                                assert!([200, 403].contains(&taken.status), "{}", taken.text());
                            }
                            _ => answer.denies_message(403, UNREACHABLE),
                        }
                        Value::Null
                    }
                }
            }
        });
        all_at_once(acts).await;
        community.block(&bob).await.ok(200);
        assert_consistent(&community, &bob, true).await;
        community.unblock(&bob).await.ok(200);
        assert_consistent(&community, &bob, false).await;
        for message in community.all(&ann, &bob).await.iter().rev() {
            let sender = if message["sender"]["id"] == ann.id { &ann } else { &bob };
            community.delete(sender, message).await.ok(200);
        }
        assert_consistent(&community, &bob, false).await;
    }
}

/// Under load ids can run ahead of the clock. Each is still greater than the one before it.
#[tokio::test]
async fn messages_sent_and_taken_back_in_a_hurry_keep_one_order() {
    let (community, [bob]) = Community::with_members::<1>().await;
    let ann = community.creator.clone();
    community.write(&ann, &bob, "The first one").await;
    let acts = [(&ann, &bob), (&bob, &ann)].map(|(from, to)| {
        let (community, from, to) = (community.clone(), from.clone(), to.clone());
        async move {
            for n in 0..12 {
                let message = community.write(&from, &to, &format!("{n}")).await;
                if n % 2 == 0 {
                    let answer = community.delete(&from, &message).await;
                    assert!([200, 403].contains(&answer.status), "{}", answer.text());
                }
            }
        }
    });
    all_at_once(acts).await;
    let all = community.all(&ann, &bob).await;
    let ids: Vec<&str> = all.iter().map(id).collect();
    assert!(ids.len() >= 13 && ids.is_sorted_by(|older, newer| older < newer), "{ids:?}");
    assert_consistent(&community, &bob, false).await;
}
