//! `PATCH /api/links/{slug}` while DynamoDB fails.

use serde_json::json;

use super::{FAILURES, Loss, assert_internal_error, sent};
use crate::support::{ALWAYS, Client, FaultyStack, Link, in_ms};

#[tokio::test]
async fn a_change_whose_answer_from_the_store_is_lost_is_made() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let link = Link::open().await;
        link.sent("Before the cap").await;
        let lost = loss.of(stack.dynamodb.when(|call| call.asks("UpdateItem", "title")), 1);
        let (start, end) = (in_ms(-60_000), in_ms(60_000));
        let change = json!({ "title": "Changed", "maxMessages": 2, "startsAt": start, "expiresAt": end });
        let changed = link.patched(change).await;
        lost.over().await;
        assert_eq!((&changed["title"], &changed["max_messages"]), (&json!("Changed"), &json!(2)));
        assert_eq!(link.seen().await, changed);
        sent(&link.send("In the last place").await);
        link.send("x").await.refused(409, "This link is full");
        assert_eq!(link.count().await, 2);
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_the_store_fails_nothing_is_changed() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::open().await;
    for failure in FAILURES {
        println!("{failure:?}");
        let down = failure.of(stack.dynamodb.when(|call| call.asks("UpdateItem", "title")), ALWAYS);
        assert_internal_error(
            &stack,
            &link.patch(json!({ "title": "Secret plans" })).await,
            &["Secret plans", &link.token],
        )
        .await;
        down.over().await;
        assert_eq!(link.seen().await, link.created);
    }
    assert_eq!(link.patched(json!({ "title": "Changed" })).await["title"], "Changed");
    stack.stop().await;
}

#[tokio::test]
async fn a_cap_that_could_not_be_counted_up_to_is_counted_by_the_next_sender() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::open().await;
    for n in 0..3 {
        sent(&link.send(&n.to_string()).await);
    }
    link.patched(json!({ "maxMessages": 4 })).await;
    for operation in ["Query", "UpdateItem"] {
        println!("{operation}");
        let down = stack.dynamodb.when(move |call| call.operation == operation).answer(500, ALWAYS);
        assert_internal_error(&stack, &link.send("Uncounted").await, &["Uncounted"]).await;
        down.over().await;
    }
    let lost = stack.dynamodb.when(|call| call.asks("UpdateItem", "message_count")).lose_the_answer(1);
    sent(&link.send("In the last place").await);
    lost.over().await;
    link.send("x").await.refused(409, "This link is full");
    assert_eq!(super::stored(&link, "Uncounted").await, 0);
    assert_eq!((link.count().await, link.all().await.len()), (4, 4));
    Client::new().get(&link.inbox()).send().await.ok(200);
    stack.stop().await;
}
