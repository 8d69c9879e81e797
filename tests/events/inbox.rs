//! The events of the anonymous inbox.

use serde_json::{Value, json};

use super::{IDEMPOTENCY_KEY, Seeds};
use crate::support::{Answer, User, Visitor};

const MESSAGE_ID: &str = "019c32f56f238f3a61c05b2e";

/// What there is for an event to be about: an inbox with a message.
struct Seeded {
    user: User,
    message: Value,
    /// Who sent it.
    sender: Visitor,
}

impl Seeded {
    async fn new() -> Seeded {
        let (user, sender) = (User::sign_up().await, Visitor::new());
        user.receive_from(&sender, "A message that was seeded").await.ok(201);
        let message = user.inbox().await.remove(0);
        Seeded { user, message, sender }
    }

    async fn send(&self, function: &str) -> Answer {
        let id = self.message["_id"].as_str().expect("an id");
        Seeds::of(&self.user).put(MESSAGE_ID, id).put(IDEMPOTENCY_KEY, id).send(function).await
    }
}

#[tokio::test]
async fn the_event_of_send_inbox_message_sends_a_message() {
    let seeded = Seeded::new().await;
    let answer = seeded.send("send-inbox-message").await;
    answer.is(201, json!({ "success": true, "message": "Message sent successfully" }));
    let newest = seeded.user.inbox().await.remove(0);
    assert_eq!(newest["content"], "You explained that very well today. Thank you!");
}

#[tokio::test]
async fn the_event_of_list_inbox_messages_shows_an_inbox() {
    let seeded = Seeded::new().await;
    let page = json!({ "success": true, "messages": [seeded.message], "nextCursor": null });
    seeded.send("list-inbox-messages").await.is(200, page);
}

#[tokio::test]
async fn the_event_of_delete_inbox_message_removes_a_message() {
    let seeded = Seeded::new().await;
    let answer = seeded.send("delete-inbox-message").await.ok(201);
    assert_eq!((&answer["message"], &answer["data"]["messages"]), (&json!("Message Deleted Successfully"), &json!([])));
    assert_eq!(seeded.user.inbox().await, [] as [Value; 0]);
}

#[tokio::test]
async fn the_event_of_get_acceptance_shows_the_switch() {
    let seeded = Seeded::new().await;
    seeded.send("get-acceptance").await.is(200, json!({ "success": true, "isAcceptingMessages": true }));
}

#[tokio::test]
async fn the_event_of_set_acceptance_closes_an_inbox() {
    let seeded = Seeded::new().await;
    let message = "User's isAcceptingMessages status updated successfully.";
    seeded.send("set-acceptance").await.is(200, json!({ "success": true, "message": message }));
    seeded.user.receive("will not arrive").await.fails(403, "User is not accepting messages");
}

#[tokio::test]
async fn the_event_of_report_inbox_message_reports_a_message() {
    let seeded = Seeded::new().await;
    seeded.send("report-inbox-message").await.is(200, json!({ "success": true, "message": "Message reported" }));
}

#[tokio::test]
async fn the_event_of_block_inbox_sender_blocks_a_sender() {
    let seeded = Seeded::new().await;
    let answer = seeded.send("block-inbox-sender").await.ok(200);
    assert_eq!(answer["message"], "Sender blocked");
    seeded.user.receive_from(&seeded.sender, "will never arrive").await.ok(201);
    assert_eq!(seeded.user.inbox().await, [seeded.message]);
}
