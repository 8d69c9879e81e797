//! Shared by the tests of notifications: mails, log lines of the worker, communities.

use serde_json::{Value, json};

use crate::support::{self, FaultyStack, SOON, User, eventually, mails_for, now};

/// The notification mails to a user so far, newest first. Mails with codes are not included.
pub async fn notification_mails(user: &User) -> Vec<Value> {
    let mails = mails_for(&user.email).await.into_iter();
    mails.filter(|mail| !mail["headers"]["List-Unsubscribe"].is_null()).collect()
}

/// Waits for that many notification mails and returns them, newest first.
pub async fn wait_for_mails(user: &User, count: usize) -> Vec<Value> {
    let has = async || Some(notification_mails(user).await).filter(|mails| mails.len() >= count);
    eventually(&format!("{count} notification mails"), SOON, has).await
}

/// The sentence of a notification mail, without its full stop.
pub fn says(mail: &Value) -> &str {
    let text = mail["text"].as_str().expect("a text");
    text.lines().next().expect("a line").trim_end_matches('.')
}

/// Waits until the worker has handled that many records of this stack, and everything that it handed over is done or waits. Returns the
/// log lines of all three functions.
pub async fn wait_for_records(stack: &FaultyStack, count: usize) -> Vec<Value> {
    let told = async || (support::worker_lines(&stack.stack, "notify").len() >= count).then_some(());
    eventually(&format!("{count} handled records"), SOON, told).await;
    settled(stack).await;
    worker_lines(stack)
}

/// Waits until no task is left, but for those that wait for a later time.
pub async fn settled(stack: &FaultyStack) {
    let is_open = |task: &Value| task["task"]["waited"] != true && task["task"]["only_to"].is_null();
    let is_settled = async || {
        let tasks = [stack.queue("Mails"), stack.queue("Pushes")].concat();
        (!tasks.iter().any(is_open)).then_some(())
    };
    eventually("the end of all tasks", SOON, is_settled).await;
}

pub fn worker_lines(stack: &FaultyStack) -> Vec<Value> {
    ["notify", "send-mail", "send-push"].iter().flat_map(|name| support::worker_lines(&stack.stack, name)).collect()
}

/// A request that puts a message into an inbox, as the table stores it.
pub fn message(inbox: &str, n: usize) -> Value {
    let id = format!("{:012x}{n:012x}", now().unix_timestamp() * 1000);
    json!({ "PutRequest": { "Item": {
        "pk": { "S": format!("INBOX#{inbox}") },
        "sk": { "S": format!("MSG#{id}") },
        "id": { "S": id },
        "content": { "S": "A message" },
        "sealed_sender": { "S": "x" },
    } } })
}

/// A community of `creator`, with these members.
pub async fn community(creator: &User, name: &str, members: &[&User]) -> String {
    let made = creator.post("/api/v1/communities").json(&json!({ "name": name })).send().await.ok(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    for member in members {
        member.post(&format!("/api/v1/communities/{id}/members")).send().await.ok(201);
    }
    id
}

pub async fn write_in_community(community: &str, from: &User, to: &User, content: &str) -> Value {
    let path = format!("/api/v1/communities/{community}/messages");
    from.post(&path).json(&json!({ "recipient_id": to.id, "content": content })).send().await.ok(201)
}

pub async fn prefer(user: &User, preferences: Value) {
    let body = json!({ "messages": preferences });
    user.patch("/api/v1/notifications/preferences").json(&body).send().await.ok(200);
}
