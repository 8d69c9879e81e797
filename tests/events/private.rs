//! The events of private messages.

use serde_json::{Value, json};

use super::{IDEMPOTENCY_KEY, Seeds};
use crate::support::{Answer, User, stack_or_skip};

const USER_ID: &str = "019c32f1d2a04c5b6e7f8091";
const CONVERSATION_ID: &str = "019c32f1d2a0b7c6d5e4f3a2";
const MESSAGE_ID: &str = "019c32f56f238f3a61c05b2e";

/// What there is for an event to be about: a conversation with a message of each.
struct Seeded {
    user: User,
    partner: User,
    /// Of the user's.
    sent: Value,
    /// Of the partner's.
    received: Value,
    /// The one that the event is about: what was sent, unless it is to be what was received.
    message: Value,
}

impl Seeded {
    async fn new() -> Seeded {
        let [user, partner] = [User::sign_up().await, User::sign_up().await];
        let received = partner.write(&user, "A message that was seeded").await;
        let sent = user.write(&partner, "Another one").await;
        Seeded { user, partner, message: sent.clone(), sent, received }
    }

    fn about_the_received_one(self) -> Seeded {
        Seeded { message: self.received.clone(), ..self }
    }

    async fn send(&self, function: &str) -> Answer {
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        let seeds = Seeds::of(&self.user).put(USER_ID, &self.partner.id);
        let seeds = seeds.put(CONVERSATION_ID, &text(&self.sent["conversationId"]));
        seeds.put(MESSAGE_ID, &text(&self.message["_id"])).put(IDEMPOTENCY_KEY, &self.user.id).send(function).await
    }

    async fn newest(&self) -> Value {
        self.partner.messages(self.sent["conversationId"].as_str().expect("an id")).await.remove(0)
    }
}

#[tokio::test]
async fn the_event_of_send_to_user_sends_a_message() {
    let seeded = Seeded::new().await;
    let message = seeded.send("send-to-user").await.processed(200);
    assert_eq!((&message["content"], &seeded.newest().await), (&json!("Shall we meet at noon?"), &message));
}

#[tokio::test]
async fn the_event_of_send_to_conversation_sends_a_message() {
    let seeded = Seeded::new().await;
    let message = seeded.send("send-to-conversation").await.processed(200);
    assert_eq!((&message["content"], &seeded.newest().await), (&json!("Noon it is."), &message));
}

#[tokio::test]
async fn the_event_of_create_upload_tells_where_to_put_an_image() {
    let seeded = Seeded::new().await;
    let upload = seeded.send("create-upload").await.processed(201);
    assert_eq!(upload["headers"], json!({ "Content-Type": "image/png", "Content-Length": "2048" }));
}

#[tokio::test]
async fn the_event_of_list_conversations_shows_them() {
    let seeded = Seeded::new().await;
    let data = seeded.send("list-conversations").await.processed(200);
    assert_eq!(data["conversations"][0]["lastMessage"], seeded.sent);
    assert_eq!((&data["conversations"][0]["unreadCount"], &data["nextCursor"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn the_event_of_list_private_messages_shows_a_conversation() {
    let seeded = Seeded::new().await;
    let data = seeded.send("list-private-messages").await.processed(200);
    assert_eq!(data, json!({ "messages": [seeded.sent, seeded.received], "nextCursor": null }));
}

#[tokio::test]
async fn the_event_of_mark_delivered_marks_a_message() {
    let seeded = Seeded::new().await.about_the_received_one();
    let data = seeded.send("mark-delivered").await.processed(200);
    assert_eq!(data["unreadCount"], 1);
    let conversation = seeded.sent["conversationId"].as_str().expect("an id");
    let messages = seeded.partner.messages(conversation).await;
    assert_eq!(messages[1]["deliveredTo"], json!([seeded.user.id]));
}

#[tokio::test]
async fn the_event_of_mark_seen_marks_a_message() {
    let seeded = Seeded::new().await.about_the_received_one();
    let data = seeded.send("mark-seen").await.processed(200);
    assert_eq!(data["unreadCount"], 0);
}

#[tokio::test]
async fn the_event_of_delete_private_message_takes_it_back() {
    let seeded = Seeded::new().await;
    let message = seeded.send("delete-private-message").await.processed(200);
    assert_eq!((&message["isDeleted"], &seeded.newest().await), (&json!(true), &message));
}

#[tokio::test]
async fn the_event_of_block_user_stops_messages() {
    let seeded = Seeded::new().await;
    let data = seeded.send("block-user").await.processed(200);
    assert_eq!(data, json!({ "userId": seeded.partner.id, "blocked": true }));
    let letter = json!({ "content": "will not arrive", "type": "text" });
    seeded.partner.letter(&seeded.user.id, letter).send().await.ok(400);
}

#[tokio::test]
async fn the_event_of_unblock_user_lets_them_pass() {
    let seeded = Seeded::new().await;
    seeded.user.post(&format!("/users/{}/block", seeded.partner.id)).send().await.ok(200);
    let data = seeded.send("unblock-user").await.processed(200);
    assert_eq!(data, json!({ "userId": seeded.partner.id, "blocked": false }));
    seeded.partner.write(&seeded.user, "will arrive").await;
}

#[tokio::test]
async fn the_event_of_list_blocked_users_shows_them() {
    let seeded = Seeded::new().await;
    seeded.user.post(&format!("/users/{}/block", seeded.partner.id)).send().await.ok(200);
    let data = seeded.send("list-blocked-users").await.processed(200);
    assert_eq!((&data["users"][0]["_id"], &data["nextCursor"]), (&json!(seeded.partner.id), &Value::Null));
}

#[tokio::test]
async fn the_event_of_clean_up_is_worked_off() {
    let Some(stack) = stack_or_skip("invokes a worker") else { return };
    let answer = stack.invoke("clean-up", include_str!("../../events/clean-up.json")).await.expect("an answer");
    assert_eq!(serde_json::from_slice::<Value>(&answer).expect("JSON"), json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn the_event_of_notify_is_worked_off() {
    let Some(stack) = stack_or_skip("invokes a worker") else { return };
    let answer = stack.invoke("notify", include_str!("../../events/notify.json")).await.expect("an answer");
    assert_eq!(serde_json::from_slice::<Value>(&answer).expect("JSON"), json!({ "batchItemFailures": [] }));
}
