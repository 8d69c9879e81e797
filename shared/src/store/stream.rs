//! A record of the table's stream: the keys of the item that changed, and the item as it is now.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::StoreError;

/// An event of Lambda's mapping of a DynamoDB stream (AWS, "Using AWS Lambda with Amazon DynamoDB").
#[derive(Deserialize)]
pub struct StreamBatch {
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord>,
}

#[derive(Deserialize)]
pub struct StreamRecord {
    dynamodb: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    keys: Keys,
    sequence_number: String,
    /// None of an item that is gone.
    #[serde(default)]
    new_image: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Keys {
    pub pk: Text,
    pub sk: Text,
}

#[derive(Deserialize)]
pub(super) struct Text {
    #[serde(rename = "S")]
    pub text: String,
}

impl StreamRecord {
    pub fn sequence_number(&self) -> &str {
        &self.dynamodb.sequence_number
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.dynamodb.keys
    }

    /// What people are told of a record that nothing could be done with: where it is, never what it says.
    pub fn failed(&self, why: &StoreError) -> Value {
        let Keys { pk, sk } = self.keys();
        json!({ "pk": pk.text, "sk": sk.text, "sequenceNumber": self.sequence_number(), "reason": why.to_string() })
    }

    /// An attribute of the item that is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.dynamodb.new_image.get(name)?.get("S")?.as_str()
    }
}
