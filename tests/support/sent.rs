//! The mails and pushes that the product has sent, and the messages in its queues.

use local::Message;
use serde_json::{Value, json};

use super::Client;
use super::stack::stack_here;

/// Everything that was mailed and pushed so far, newest first.
pub async fn outbox() -> Vec<Value> {
    match stack_here() {
        Some(stack) => stack.outbox().entries(),
        None => {
            let outbox = Client::new().get("/_local/outbox").raw().await;
            outbox.json().as_array().expect("a list").clone()
        }
    }
}

/// All messages that a push service has received for an endpoint, newest first. Header names are in lower case, bodies in
/// base64.
pub async fn pushes_for(endpoint: &str) -> Vec<Value> {
    let entries = outbox().await;
    entries.into_iter().filter(|entry| entry["kind"] == "push" && entry["endpoint"] == json!(endpoint)).collect()
}

/// The bodies of messages, parsed as JSON.
pub fn bodies(messages: Vec<Message>) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_str(&message.body).expect("JSON")).collect()
}
