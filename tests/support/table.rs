//! What is stored, asked of DynamoDB itself.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::Stack;
use serde_json::{Value, json};

use super::own_stack;

/// Every item of the table, in DynamoDB's own JSON.
pub async fn everything_stored() -> Option<Vec<Value>> {
    let stack = own_stack("reads the table")?;
    Some(stored_in(stack.dynamodb_url(), stack).await)
}

/// Every item of a stack's table, asked of the DynamoDB that answers at `url`.
pub async fn stored_in(url: &str, stack: &Stack) -> Vec<Value> {
    // Neither the embedded DynamoDB nor Amazon's local one verifies a signature; both look at the access key.
    let key = stack.credentials().access_key_id();
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260206/{}/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        local::REGION
    );
    let (http, mut items, mut start) = (reqwest::Client::new(), Vec::new(), Value::Null);
    loop {
        let mut scan = json!({ "TableName": stack.table(), "ConsistentRead": true });
        if !start.is_null() {
            scan["ExclusiveStartKey"] = start;
        }
        let request = http.post(url).header("x-amz-target", "DynamoDB_20120810.Scan");
        let request = request.header("content-type", "application/x-amz-json-1.0").header("authorization", &signature);
        let request = request.header("x-amz-date", "20260206T123751Z").body(scan.to_string());
        let answer = request.send().await.expect("an answer").text().await.expect("text");
        let mut page: Value = serde_json::from_str(&answer).expect("JSON");
        let found = page["Items"].as_array_mut().unwrap_or_else(|| panic!("{answer}"));
        items.append(found);
        start = page["LastEvaluatedKey"].take();
        if start.is_null() {
            return items;
        }
    }
}

/// Every text in an item: names, texts and numbers as they are, and what binary values hold.
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
