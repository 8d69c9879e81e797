//! `maxMessages` is exact.

use serde_json::{Value, json};

use crate::support::{Answer, Client, Link, all_at_once, stack_or_skip};

const FULL: &str = "This link is full";

/// Sends that many messages at once, each from a new client. Returns the number of accepted ones. All others must be refused
/// because the link is full.
async fn flood(link: &Link, senders: usize) -> usize {
    let sends = (0..senders).map(|n| {
        let link = link.clone();
        let body = json!({ "content": format!("Message {n}"), "pin": "4321" });
        async move { link.send_as(&Client::new(), body).await }
    });
    accepted(&all_at_once(sends).await)
}

fn accepted(answers: &[Answer]) -> usize {
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    accepted.iter().for_each(|answer| answer.is(201, json!({ "success": true })));
    refused.iter().for_each(|answer| answer.refused(409, FULL));
    accepted.len()
}

/// Asserts that the link's count is the number of stored messages.
async fn stored(link: &Link) -> usize {
    let mut messages = link.all_by(30).await;
    assert_eq!(link.count().await, messages.len() as u64);
    let listed = messages.len();
    messages.sort_by_key(|message| message["id"].to_string());
    messages.dedup_by_key(|message| message["id"].clone());
    assert_eq!(messages.len(), listed, "a message is listed twice");
    listed
}

#[tokio::test]
async fn of_300_who_send_at_once_to_a_link_capped_at_100_exactly_100_are_stored() {
    let link = Link::with(json!({ "maxMessages": 100 })).await;
    assert_eq!(flood(&link, 300).await, 100);
    assert_eq!(stored(&link).await, 100);
    if let Some(stack) = stack_or_skip("counts instances") {
        assert_eq!(stack.instances("send-link-message").len(), 4);
    }
}

#[tokio::test]
async fn the_101st_message_to_a_link_capped_at_100_is_refused() {
    let link = Link::with(json!({ "maxMessages": 100 })).await;
    assert_eq!(flood(&link, 100).await, 100);
    link.send("The 101st").await.refused(409, FULL);
    assert_eq!(stored(&link).await, 100);
}

#[tokio::test]
async fn a_link_capped_at_one_takes_one() {
    let link = Link::with(json!({ "maxMessages": 1 })).await;
    assert_eq!(flood(&link, 12).await, 1);
    assert_eq!(stored(&link).await, 1);
}

#[tokio::test]
async fn a_cap_counts_what_was_there_before_it() {
    let link = Link::open().await;
    assert_eq!(flood(&link, 7).await, 7);
    link.patched(json!({ "maxMessages": 10 })).await;
    assert_eq!(flood(&link, 20).await, 3);
    assert_eq!(stored(&link).await, 10);
}

#[tokio::test]
async fn a_cap_under_what_is_there_takes_nothing_more_and_removes_nothing() {
    let link = Link::open().await;
    assert_eq!(flood(&link, 6).await, 6);
    assert_eq!(link.patched(json!({ "maxMessages": 2 })).await["max_messages"], 2);
    link.send("x").await.refused(409, FULL);
    assert_eq!(stored(&link).await, 6);
}

#[tokio::test]
async fn a_cap_may_be_raised_lowered_cleared_and_set_again() {
    let link = Link::with(json!({ "maxMessages": 3 })).await;
    assert_eq!(flood(&link, 5).await, 3);
    link.patched(json!({ "maxMessages": 5 })).await;
    assert_eq!(flood(&link, 5).await, 2);
    link.patched(json!({ "maxMessages": 4 })).await;
    assert_eq!(flood(&link, 3).await, 0);
    link.patched(json!({ "maxMessages": null })).await;
    assert_eq!(flood(&link, 9).await, 9);
    link.patched(json!({ "maxMessages": 16 })).await;
    assert_eq!(flood(&link, 9).await, 2);
    assert_eq!(stored(&link).await, 16);
}

#[tokio::test]
async fn a_deleted_message_frees_its_place() {
    let link = Link::with(json!({ "maxMessages": 4 })).await;
    assert_eq!(flood(&link, 4).await, 4);
    for message in &link.all().await[..3] {
        delete(&link, message).await.is(200, json!({ "success": true }));
    }
    assert_eq!(link.count().await, 1);
    assert_eq!(flood(&link, 10).await, 3);
    assert_eq!(stored(&link).await, 4);
}

#[tokio::test]
async fn a_message_deleted_while_there_is_no_cap_is_not_counted_by_a_later_one() {
    let link = Link::with(json!({ "maxMessages": 3 })).await;
    assert_eq!(flood(&link, 3).await, 3);
    link.patched(json!({ "maxMessages": null })).await;
    delete(&link, &link.newest().await).await.ok(200);
    link.sent("x").await;
    delete(&link, &link.newest().await).await.ok(200);
    link.patched(json!({ "maxMessages": 4 })).await;
    assert_eq!(flood(&link, 6).await, 2);
    assert_eq!(stored(&link).await, 4);
}

#[tokio::test]
async fn a_cap_that_is_set_while_messages_arrive_is_exact_from_then_on() {
    // Checking a PIN takes a while, so that requests that see the cap overtake those that saw none.
    for (cap, pin) in [(5_usize, None), (15, None), (3, Some("4321")), (4, Some("4321")), (5, Some("4321"))] {
        let link = Link::with(json!({ "pin": pin })).await;
        let (patching, sending) = (link.clone(), link.clone());
        let change = json!({ "maxMessages": cap, "pin": null });
        let patch = tokio::spawn(async move { patching.patched(change).await });
        let before = flood(&sending, 30).await;
        assert_eq!(patch.await.expect("a link")["max_messages"], cap);
        assert_eq!(stored(&link).await, before);
        assert_eq!(flood(&link, 30).await, cap.saturating_sub(before));
        assert_eq!(stored(&link).await, before.max(cap));
    }
}

#[tokio::test]
async fn messages_that_come_and_go_at_once_leave_the_count_right() {
    let link = Link::with(json!({ "maxMessages": 10 })).await;
    assert_eq!(flood(&link, 10).await, 10);
    let victims: Vec<Value> = link.all().await[..5].to_vec();
    let deleting = link.clone();
    let deletes = tokio::spawn(async move {
        let deletes = victims.into_iter().map(|message| {
            let link = deleting.clone();
            async move { delete(&link, &message).await.is(200, json!({ "success": true })) }
        });
        all_at_once(deletes).await
    });
    let meanwhile = flood(&link, 20).await;
    deletes.await.expect("five deletions");
    assert!(meanwhile <= 5, "{meanwhile} were accepted in five places");
    assert_eq!(stored(&link).await, 5 + meanwhile);
    assert_eq!(flood(&link, 20).await, 5 - meanwhile);
    assert_eq!(stored(&link).await, 10);
}

async fn delete(link: &Link, message: &Value) -> Answer {
    let id = message["id"].as_str().expect("an id");
    Client::new().delete(&link.message(id)).send().await
}
