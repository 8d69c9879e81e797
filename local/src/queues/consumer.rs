//! A consumer invokes the function of a mapping with messages of its queue, and deletes those that are done.

use super::Declared;
use super::mapping::Mapping;
use crate::logs::Logs;
use crate::pool::Pool;
use crate::services::Services;
use crate::tasks::Tasks;
use crate::{Error, REGION};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// How long a request waits for messages.
const WAIT: i32 = 20;

/// The pause after a failed request.
const PAUSE: Duration = Duration::from_secs(1);

/// Processes the messages of one mapping.
pub struct Consumer {
    mapping: Mapping,
    pool: Arc<Pool>,
    client: Client,
    queue_url: String,
    logs: Logs,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    batch_item_failures: Option<Vec<Item>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    item_identifier: String,
}

impl Consumer {
    /// Finds the queue of `mapping` among the template's `queues`.
    pub fn new(
        mapping: Mapping,
        pool: Arc<Pool>,
        queues: &[Declared],
        services: &Services,
        logs: &Logs,
    ) -> Result<Self, Error> {
        let queue = queues.iter().find(|queue| queue.arn == mapping.queue).ok_or_else(|| {
            let place = format!("{}: {}", pool.name(), mapping.name);
            Error::new(format!("the template has no queue {}", mapping.queue)).within(place)
        })?;
        let (client, queue_url) = (services.sqs(), queue.url.clone());
        Ok(Self { mapping, pool, client, queue_url, logs: logs.clone() })
    }

    /// Receives messages until the stack stops. As in Lambda, a batch is received only when it can be processed at once.
    pub fn run(self, tasks: &Tasks) {
        let permits = Arc::new(Semaphore::new(self.mapping.concurrency.unwrap_or(Semaphore::MAX_PERMITS)));
        let (consumer, spawner) = (Arc::new(self), tasks.clone());
        tasks.spawn(async move {
            while let Ok(permit) = permits.clone().acquire_owned().await {
                let messages = consumer.receive().await;
                if !messages.is_empty() {
                    spawner.spawn(consumer.clone().process(messages, permit));
                }
            }
        });
    }

    async fn receive(&self) -> Vec<Message> {
        let request = self.client.receive_message().queue_url(&self.queue_url).wait_time_seconds(WAIT);
        let request = request.max_number_of_messages(self.mapping.batch_size);
        match request.message_system_attribute_names(MessageSystemAttributeName::All).send().await {
            Ok(received) => received.messages.unwrap_or_default(),
            Err(error) => {
                self.log(format!("ReceiveMessage failed: {}", DisplayErrorContext(error)));
                sleep(PAUSE).await;
                Vec::new()
            }
        }
    }

    /// Invokes the function with a batch. Messages that are not done come again after the queue's visibility timeout.
    async fn process(self: Arc<Self>, messages: Vec<Message>, _permit: OwnedSemaphorePermit) {
        let request_id: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        let event = event(&messages, &self.mapping.queue);
        // The pool logs why an invocation fails.
        let Ok(answer) = self.pool.permit().await.invoke(&request_id, event).await else { return };
        let failed = match self.mapping.reports {
            true => failed(&answer, &messages),
            false => HashSet::new(),
        };
        for message in messages.iter().filter(|message| !failed.contains(id(message))) {
            let request = self.client.delete_message().queue_url(&self.queue_url);
            let receipt = message.receipt_handle().unwrap_or_default();
            if let Err(error) = request.receipt_handle(receipt).send().await {
                self.log(format!("DeleteMessage failed: {}", DisplayErrorContext(error)));
            }
        }
    }

    /// Adds a line to the log of the function.
    fn log(&self, text: String) {
        self.logs.push(&self.pool.name().into(), format!("{}: {text}", self.mapping.name));
    }
}

fn id(message: &Message) -> &str {
    message.message_id().unwrap_or_default()
}

/// The event for the function (AWS, "Using Lambda with Amazon SQS").
fn event(messages: &[Message], queue: &str) -> Bytes {
    let record = |message: &Message| {
        let attributes = message.attributes().into_iter().flatten();
        let attributes: Map<String, Value> =
            attributes.map(|(name, value)| (name.as_str().to_owned(), value.as_str().into())).collect();
        json!({
            "messageId": id(message),
            "receiptHandle": message.receipt_handle(),
            "body": message.body(),
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": message.md5_of_body(),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue,
            "awsRegion": REGION,
        })
    };
    json!({"Records": messages.iter().map(record).collect::<Vec<_>>()}).to_string().into()
}

/// The ids of the messages that failed. As in Lambda, the whole batch has failed if the answer can't be read or names a message that is
/// not in it.
fn failed(answer: &[u8], messages: &[Message]) -> HashSet<String> {
    let all: HashSet<String> = messages.iter().map(|message| id(message).to_owned()).collect();
    let reported = match serde_json::from_slice(answer) {
        Ok(Value::Null) => return HashSet::new(),
        Ok(answer @ Value::Object(_)) => serde_json::from_value::<Report>(answer).ok(),
        _ => None,
    };
    let Some(Report { batch_item_failures: failures }) = reported else { return all };
    let failures: HashSet<String> = failures.into_iter().flatten().map(|item| item.item_identifier).collect();
    if failures.is_subset(&all) { failures } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages() -> Vec<Message> {
        let message = |id: &str| Message::builder().message_id(id).receipt_handle(format!("r{id}")).body("b").build();
        ["1", "2"].map(message).into()
    }

    #[test]
    fn an_answer_is_read_as_in_lambda() {
        let failed = |answer: &str| {
            let mut failed: Vec<String> = failed(answer.as_bytes(), &messages()).into_iter().collect();
            failed.sort();
            failed
        };
        for done in ["null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#] {
            assert!(failed(done).is_empty(), "{done}");
        }
        assert_eq!(failed(r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#), ["2"]);
        for all in
            ["", "\"text\"", r#"{"batchItemFailures":[{"itemIdentifier":"3"}]}"#, r#"{"batchItemFailures":[{}]}"#]
        {
            assert_eq!(failed(all), ["1", "2"], "{all}");
        }
    }

    #[test]
    fn an_event_has_lambdas_format() {
        let event: Value = serde_json::from_slice(&event(&messages()[..1], "arn:aws:sqs:r:1:q")).unwrap();
        let expected = json!({"Records": [{
            "messageId": "1", "receiptHandle": "r1", "body": "b", "attributes": {}, "messageAttributes": {}, "md5OfBody": null,
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:r:1:q", "awsRegion": REGION,
        }]});
        assert_eq!(event, expected);
    }
}
