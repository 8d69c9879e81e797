//! The sliding window of the limits, and the items that store it.

use std::time::{Duration, Instant};

use local::Stack;
use serde_json::Value;

use super::{ALL_INBOXES, limited, remaining, sent};
use crate::support::{Client, FaultyStack, SOON, User, all_at_once, eventually, stored_in, wait_until_accepted};

/// The items that count the messages of clients. A stack of its own has only those of the test's senders.
async fn logs(stack: &Stack) -> Vec<Value> {
    let mut items = stored_in(stack.dynamodb_url(), stack).await;
    items.retain(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("LIMIT#all-inboxes#")));
    items
}

/// The number of hits in the only such item.
async fn hits(stack: &Stack) -> usize {
    // Shortly before midnight there is a second item for tomorrow, with the same hits.
    let items = logs(stack).await;
    assert!((1..=2).contains(&items.len()), "{items:?}");
    items[0]
        .as_object()
        .expect("an item")
        .keys()
        .filter(|name| !["pk", "sk", "ttl", "n"].contains(&name.as_str()))
        .count()
}

#[tokio::test]
async fn of_refused_messages_nothing_is_kept() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    let sends = (0..60).map(|_| {
        let (user, sender) = (user.clone(), sender.clone());
        async move { user.receive_from(&sender, "all of a sudden").await.status }
    });
    let statuses = all_at_once(sends).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 5);
    assert_eq!((hits(&stack.stack).await, user.inbox().await.len()), (5, 5));
    for item in logs(&stack.stack).await {
        // The values don't reveal the sender: each is masked with its own nonce.
        let mut values: Vec<&str> =
            item.as_object().expect("an item").values().filter_map(|value| value["B"].as_str()).collect();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 5);
    }
    stack.stop().await;
}

/// Waits for real time: each hit expires after 60 seconds, and expired hits are removed from the item.
#[tokio::test]
async fn after_retry_after_one_is_accepted_again_and_the_item_stays_small() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (users, sender) = (User::many(7).await, Client::new());
    let first = Instant::now();
    for n in 0..30 {
        sent(&users[n % 6].receive_from(&sender, "one of thirty messages").await);
    }
    let wait = limited(&users[6].receive_from(&sender, "the 31st message").await, ALL_INBOXES);
    let (told, left) = (Instant::now(), 60u64.saturating_sub(first.elapsed().as_secs()));
    assert!((left.saturating_sub(1)..=left + 1).contains(&wait), "told to wait {wait} seconds of {left}");
    assert_eq!(hits(&stack.stack).await, 30);

    let accepted_at = wait_until_accepted(
        wait,
        || users[6].receive_from(&sender, "the 31st message"),
        |answer| _ = limited(answer, ALL_INBOXES),
    )
    .await;
    assert!(accepted_at.duration_since(first) > Duration::from_secs(59));

    eventually("the end of the window", SOON, async || (told.elapsed().as_secs() > 61).then_some(())).await;
    for (n, user) in users[..6].iter().enumerate() {
        let answer = user.receive_from(&sender, "after the minute").await;
        sent(&answer);
        assert_eq!(remaining(&answer), (4, 28 - n as u64));
    }
    assert!(hits(&stack.stack).await <= 8, "hits that have left the window are still there");
    stack.stop().await;
}
