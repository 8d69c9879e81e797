//! What the table's stream tells of a change: the keys of the item that changed.

use serde::Deserialize;

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
}
