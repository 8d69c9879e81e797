//! The queue of what could not be done and never will be: for people to look at. It holds where something is, never what it says.

use std::sync::{Arc, OnceLock};

use aws_sdk_sqs::Client;

use crate::{aws::AwsClients, config::QueueConfig, error::StoreError, stats::RequestStats};

pub struct Queue {
    /// Made at the first use: there should be none.
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
        let client = self.client.get_or_init(|| self.clients.sqs(self.config.endpoint.clone()));
        let call = client.send_message().queue_url(&self.config.url).message_body(body);
        let sent = self.stats.call(&["sqs:SendMessage"], call.send()).await;
        sent.map(drop).map_err(|error| StoreError::call("SendMessage", error))
    }
}
