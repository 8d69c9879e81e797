//! Queues (SQS): those of tasks, each of which wakes a function, and the one of everything that was given up, for people to look at.
//! Messages say where something is, never what it says.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_sdk_sqs::Client;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{aws::AwsClients, config::QueueConfig, error::StoreError, stats::RequestStats, types::Timestamp};

/// The longest delay of a message (SQS, "Amazon SQS delay queues").
pub const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

/// A received message can stay hidden for 12 hours in all (SQS, "Amazon SQS visibility timeout"). This leaves time to say so.
const LONGEST_HIDING: Duration = Duration::from_secs(11 * 60 * 60 + 50 * 60);

/// Something that a function does when its queue wakes it.
pub trait Task: Serialize + DeserializeOwned {
    /// What people are told of a task that was given up.
    fn given_up(&self, why: &StoreError) -> Value;
}

/// A task on its way through a queue.
#[derive(Serialize, Deserialize)]
pub struct Envelope<T> {
    /// How often it has been put off so far.
    pub put_off: u32,
    /// When it was first handed over.
    pub since: Timestamp,
    pub task: T,
}

pub struct Queue {
    /// Made at the first use.
    client: OnceLock<Client>,
    clients: AwsClients,
    config: QueueConfig,
    stats: Arc<RequestStats>,
}

impl Queue {
    pub fn new(clients: AwsClients, config: QueueConfig, stats: Arc<RequestStats>) -> Self {
        Self { client: OnceLock::new(), clients, config, stats }
    }

    /// Returns when SQS has taken it.
    pub async fn put(&self, body: String) -> Result<(), StoreError> {
        self.put_after(body, Duration::ZERO).await
    }

    /// Hands a task over, to be done after `delay`: [`LONGEST_DELAY`] at most.
    pub async fn hand_over<T: Task>(&self, task: &T, delay: Duration) -> Result<(), StoreError> {
        self.hand_over_again(&Envelope { put_off: 0, since: Timestamp::now(), task }, delay).await
    }

    pub async fn hand_over_again<T: Serialize>(
        &self,
        envelope: &Envelope<T>,
        delay: Duration,
    ) -> Result<(), StoreError> {
        let body = serde_json::to_string(envelope).map_err(|error| StoreError::unwritable("a task", error))?;
        self.put_after(body, delay).await
    }

    /// A delay counts in whole seconds, so that nothing comes early.
    async fn put_after(&self, body: String, delay: Duration) -> Result<(), StoreError> {
        let seconds = whole_seconds(delay.min(LONGEST_DELAY));
        let call = self.client().send_message().queue_url(&self.config.url).message_body(body);
        let call = if seconds > 0 { call.delay_seconds(seconds) } else { call };
        let sent = self.stats.call(&["sqs:SendMessage"], call.send()).await;
        sent.map(drop).map_err(|error| StoreError::call("SendMessage", error))
    }

    /// Hides a received message for longer than a message can be delayed.
    pub async fn hide(&self, receipt: &str, lasts: Duration) -> Result<(), StoreError> {
        let call = self
            .client()
            .change_message_visibility()
            .queue_url(&self.config.url)
            .receipt_handle(receipt)
            .visibility_timeout(whole_seconds(lasts.min(LONGEST_HIDING)));
        let hidden = self.stats.call(&["sqs:ChangeMessageVisibility"], call.send()).await;
        hidden.map(drop).map_err(|error| StoreError::call("ChangeMessageVisibility", error))
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| self.clients.sqs(self.config.endpoint.clone()))
    }
}

/// Rounded up.
fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_delay_ends_early() {
        let seconds = |millis| whole_seconds(Duration::from_millis(millis));
        assert_eq!([seconds(0), seconds(1), seconds(1000), seconds(1001)], [0, 1, 1, 2]);
        assert_eq!(whole_seconds(LONGEST_DELAY), 900);
        assert!(whole_seconds(LONGEST_HIDING) < 12 * 60 * 60);
    }
}
