//! A change of a table, as a record of a Lambda event.

use crate::REGION;
use aws_sdk_dynamodbstreams::types::{AttributeValue, Record as Change};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A record of a stream.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its sequence number.
    pub sequence: String,
    /// When the change was made, in seconds since 1970.
    pub at: i64,
    /// The record in an event.
    pub json: String,
    /// A hash of its item's keys.
    pub item: u64,
}

/// The record of `change`, and the same as a value for filters. `None`: the change has no sequence number.
pub fn record(change: &Change, stream_arn: &str) -> Option<(Record, Value)> {
    let of = change.dynamodb()?;
    let sequence = of.sequence_number()?;
    let at = of.approximate_creation_date_time().map_or(0, |at| at.secs());
    let mut dynamodb = Map::new();
    dynamodb.insert("ApproximateCreationDateTime".into(), at.into());
    for (name, image) in [("Keys", of.keys()), ("NewImage", of.new_image()), ("OldImage", of.old_image())] {
        dynamodb.extend(image.map(|image| (name.to_owned(), item(image))));
    }
    dynamodb.insert("SequenceNumber".into(), sequence.into());
    dynamodb.insert("SizeBytes".into(), of.size_bytes().unwrap_or_default().into());
    dynamodb.insert("StreamViewType".into(), of.stream_view_type().map(|view| view.as_str()).into());
    let mut value = json!({
        "eventID": change.event_id(),
        "eventName": change.event_name().map(|name| name.as_str()),
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION, // dynoxide has another one
        "dynamodb": dynamodb,
        "eventSourceARN": stream_arn,
    });
    if change.user_identity().is_some() {
        // Only records of items deleted by TTL have one. dynoxide spells its members in a way that the SDK doesn't read.
        value["userIdentity"] = json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
    }
    Some((Record { sequence: sequence.to_owned(), at, json: value.to_string(), item: hash(of.keys()) }, value))
}

/// A hash of an item's keys.
fn hash(keys: Option<&HashMap<String, AttributeValue>>) -> u64 {
    let keys: BTreeMap<&String, String> =
        keys.into_iter().flatten().map(|(name, value)| (name, attribute(value).to_string())).collect();
    let mut hasher = DefaultHasher::new();
    keys.hash(&mut hasher);
    hasher.finish()
}

fn item(image: &HashMap<String, AttributeValue>) -> Value {
    image.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

fn attribute(value: &AttributeValue) -> Value {
    let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
    match value {
        AttributeValue::B(bytes) => json!({"B": base64(bytes.as_ref())}),
        AttributeValue::Bool(boolean) => json!({"BOOL": boolean}),
        AttributeValue::Bs(set) => json!({"BS": set.iter().map(|bytes| base64(bytes.as_ref())).collect::<Vec<_>>()}),
        AttributeValue::L(list) => json!({"L": list.iter().map(attribute).collect::<Vec<_>>()}),
        AttributeValue::M(map) => json!({"M": item(map)}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Ns(set) => json!({"NS": set}),
        AttributeValue::Null(is_null) => json!({"NULL": is_null}),
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::Ss(set) => json!({"SS": set}),
        _ => Value::Null, // DynamoDB has no other type
    }
}
