//! The template's queues.

use crate::Error;
use crate::intrinsics::{self, Scope};
use crate::resources::Resource;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_yaml_ng::Value;
use std::collections::HashMap;

/// An `AWS::SQS::Queue`.
pub struct Queue {
    /// Its logical id in the template.
    pub id: String,
    pub name: String,
    /// Its `GetAtt Arn`.
    pub arn: String,
    /// Its `Ref`.
    pub url: String,
    attributes: HashMap<QueueAttributeName, String>,
}

/// Properties that are attributes of the queue.
const ATTRIBUTES: [&str; 4] = ["KmsMasterKeyId", "MessageRetentionPeriod", "SqsManagedSseEnabled", "VisibilityTimeout"];

impl Queue {
    /// The queue that `resource` declares.
    pub fn read(resource: &Resource<'_>, scope: &Scope) -> Result<Self, Error> {
        let mut attributes = HashMap::new();
        for key in resource.properties.keys() {
            match key.as_str() {
                Some("QueueName" | "Tags") => {}
                Some("RedrivePolicy") => {
                    let policy = resource.get::<serde_json::Value>(scope, "RedrivePolicy")?.unwrap_or_default();
                    attributes.insert(QueueAttributeName::RedrivePolicy, policy.to_string());
                }
                Some(name) if ATTRIBUTES.contains(&name) => {
                    let value = resource.get::<Value>(scope, name)?.unwrap_or(Value::Null);
                    let value = intrinsics::text(&value).map_err(|error| error.within(name))?;
                    attributes.insert(name.into(), value);
                }
                name => {
                    let unknown = name.unwrap_or("a key that is no text");
                    return Err(Error::new(format!("the local stack doesn't know {unknown} of a queue")));
                }
            }
        }
        let name = |attribute: &str| scope.names[&format!("{}.{attribute}", resource.id)].clone();
        let url = scope.names[resource.id].clone();
        Ok(Self { id: resource.id.to_owned(), name: name("QueueName"), arn: name("Arn"), url, attributes })
    }

    /// Makes the queue, unless it exists.
    pub async fn make(&self, sqs: &Client) -> Result<(), Error> {
        let request = sqs.create_queue().queue_name(&self.name).set_attributes(Some(self.attributes.clone()));
        let made = request.send().await.map(drop);
        made.map_err(|error| Error::new(format!("making the queue {}: {}", self.name, DisplayErrorContext(error))))
    }
}
