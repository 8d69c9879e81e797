//! The mails and pushes that the product has sent, and the messages in its queues.

use local::Message;
use serde_json::Value;

use super::Client;
use super::stack::stack_here;

/// The mails and pushes for which `wanted` is true, newest first.
pub async fn outbox(wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    match stack_here() {
        Some(stack) => stack.outbox().matching(wanted),
        None => {
            let outbox = Client::new().get("/_local/outbox").raw().await.json();
            let entries = outbox.as_array().expect("a list").iter();
            entries.filter(|entry| wanted(entry)).cloned().collect()
        }
    }
}

/// All messages that a push service has received for an endpoint, newest first. Header names are in lower case, bodies in
/// base64.
pub async fn pushes_for(endpoint: &str) -> Vec<Value> {
    outbox(|entry| entry["kind"] == "push" && entry["endpoint"] == endpoint).await
}

/// The bodies of messages, parsed as JSON.
pub fn bodies(messages: Vec<Message>) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_str(&message.body).expect("JSON")).collect()
}
