//! Reads and writes the table directly, past the product.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::Stack;
use serde_json::{Value, json};

use super::client::http_client;
use super::{Link, now, stack_or_skip};

thread_local! {
    /// Each test has its own thread and runtime, so its connections can't be shared.
    static HTTP: reqwest::Client = http_client();
}

/// Every item of the table, in DynamoDB's own JSON.
pub async fn everything_stored() -> Option<Vec<Value>> {
    let stack = stack_or_skip("reads the table")?;
    Some(stored_in(stack.dynamodb_url(), stack).await)
}

/// Every item of a stack's table, read from the DynamoDB at `url`.
pub async fn stored_in(url: &str, stack: &Stack) -> Vec<Value> {
    let (mut items, mut start) = (Vec::new(), Value::Null);
    loop {
        let mut scan = json!({ "TableName": stack.table(), "ConsistentRead": true });
        if !start.is_null() {
            scan["ExclusiveStartKey"] = start;
        }
        let mut page = ask(url, stack, "Scan", &scan).await;
        let found = page["Items"].as_array_mut().unwrap_or_else(|| panic!("no items"));
        items.append(found);
        start = page["LastEvaluatedKey"].take();
        if start.is_null() {
            return items;
        }
    }
}

/// Stores that many messages in a link's shards, with ids of an hour ago.
pub async fn store_old_messages(stack: &Stack, link: &Link, count: usize) {
    let (id, hour_ago) =
        (link.created["id"].as_str().expect("an id"), now().unix_timestamp() as u64 * 1000 - 3_600_000);
    let item = |n: usize| {
        let message = format!("{:08x}-{:04x}-7000-8000-{n:012x}", hour_ago >> 16, hour_ago & 0xffff);
        json!({ "PutRequest": { "Item": {
            "pk": { "S": format!("LINK#{id}#{}", n % 256 % 8) },
            "sk": { "S": format!("MSG#{message}") },
            "id": { "S": message },
            "slug": { "S": link.slug },
            "content": { "S": "x".repeat(900) },
            "created_at": { "S": "2026-02-06T12:37:51.523Z" },
        } } })
    };
    for batch in (0..count).collect::<Vec<_>>().chunks(25) {
        let items: Vec<Value> = batch.iter().map(|n| item(*n)).collect();
        let request = json!({ "RequestItems": { stack.table(): items } });
        let answer = ask(stack.dynamodb_url(), stack, "BatchWriteItem", &request).await;
        assert_eq!(answer["UnprocessedItems"], json!({}));
    }
}

/// The answer of the DynamoDB at `url`.
pub async fn ask(url: &str, stack: &Stack, operation: &str, request: &Value) -> Value {
    // The embedded DynamoDB and Amazon's local one don't verify signatures. Both read the access key.
    let key = stack.credentials().access_key_id();
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260206/{}/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        local::REGION
    );
    let http = HTTP.with(|http| http.post(url)).header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
    let http = http.header("content-type", "application/x-amz-json-1.0").header("authorization", &signature);
    let http = http.header("x-amz-date", "20260206T123751Z").body(request.to_string());
    let answer = http.send().await.expect("an answer");
    let (status, text) = (answer.status(), answer.text().await.expect("text"));
    assert!(status.is_success(), "{operation}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Every text in an item: names, texts, numbers, and binary values (decoded, and in base64).
pub fn texts(item: &Value) -> Vec<String> {
    match item {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("B", Value::String(binary)) => {
                    let bytes = BASE64_STANDARD.decode(binary).expect("base64");
                    vec![String::from_utf8_lossy(&bytes).into_owned(), binary.clone()]
                }
                _ => [vec![name.clone()], texts(value)].concat(),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}
