//! `message_count` of a link without a cap.

use serde_json::json;

use crate::support::{Client, Link, line_of, stack_or_skip, store_old_messages};

/// The count in the owner's answer, and the read units of that request.
async fn counted(link: &Link) -> (u64, f64) {
    let stack = stack_or_skip("reads the log").expect("a stack of our own");
    let answer = Client::new().get(&format!("{}&limit=1", link.inbox())).send().await;
    let count = answer.ok(200)["link"]["message_count"].as_u64().expect("a count");
    let (_, line) = line_of(stack, &answer).await;
    (count, line["read_units"].as_f64().expect("read units"))
}

#[tokio::test]
async fn what_was_counted_once_is_not_counted_again() {
    let Some(stack) = stack_or_skip("fills the table") else { return };
    let link = Link::open().await;
    store_old_messages(stack, &link, 2000).await;
    let (count, first) = counted(&link).await;
    assert!(count == 2000 && first > 400.0, "{count} messages for {first} units");

    link.send("A new one").await.ok(201);
    let (count, again) = counted(&link).await;
    assert!(count == 2001 && again < 60.0, "{count} messages for {again} units");
}

#[tokio::test]
async fn a_message_that_was_counted_is_taken_out_of_the_count_when_it_goes() {
    let Some(stack) = stack_or_skip("fills the table") else { return };
    let link = Link::open().await;
    store_old_messages(stack, &link, 600).await;
    let new = link.sent("A new one").await;
    assert_eq!(link.count().await, 601);

    let oldest = link.all().await.pop().expect("a message");
    for (message, left) in [(&oldest, 600), (&new, 599)] {
        let path = link.message(message["id"].as_str().expect("an id"));
        Client::new().delete(&path).send().await.is(200, json!({ "success": true }));
        assert_eq!(link.count().await, left);
    }
    assert_eq!(link.all().await.len(), 599);
}

#[tokio::test]
async fn a_cap_that_is_set_on_many_messages_is_exact() {
    let Some(stack) = stack_or_skip("fills the table") else { return };
    let link = Link::open().await;
    store_old_messages(stack, &link, 600).await;
    assert_eq!(link.count().await, 600);
    link.patched(json!({ "maxMessages": 602 })).await;
    for status in [201, 201, 409] {
        link.send("x").await.ok(status);
    }
    assert_eq!(link.count().await, 602);
}
