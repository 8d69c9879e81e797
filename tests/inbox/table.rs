//! Reads and writes inbox messages in the table directly.

use local::Stack;
use serde_json::{Value, json};

use crate::support::{User, ask, now};

/// Writes items, in DynamoDB's own JSON.
pub async fn put(stack: &Stack, items: &[Value]) {
    for batch in items.chunks(25) {
        let puts: Vec<Value> = batch.iter().map(|item| json!({ "PutRequest": { "Item": item } })).collect();
        let request = json!({ "RequestItems": { stack.table(): puts } });
        let answer = ask(stack.dynamodb_url(), stack, "BatchWriteItem", &request).await;
        assert_eq!(answer["UnprocessedItems"], json!({}));
    }
}

/// The items under one partition key.
pub async fn partition(stack: &Stack, pk: &str) -> Vec<Value> {
    query(stack, json!({ "KeyConditionExpression": "pk = :pk", "ConsistentRead": true }), pk).await
}

/// The items under one partition key of the index.
pub async fn indexed(stack: &Stack, pk: &str) -> Vec<Value> {
    query(stack, json!({ "IndexName": "gsi1", "KeyConditionExpression": "gsi1pk = :pk" }), pk).await
}

async fn query(stack: &Stack, mut request: Value, pk: &str) -> Vec<Value> {
    let mut items = Vec::new();
    request["TableName"] = json!(stack.table());
    request["ExpressionAttributeValues"] = json!({ ":pk": { "S": pk } });
    loop {
        let mut page = ask(stack.dynamodb_url(), stack, "Query", &request).await;
        items.append(page["Items"].as_array_mut().expect("items"));
        match page["LastEvaluatedKey"].take() {
            Value::Null => return items,
            start => request["ExclusiveStartKey"] = start,
        }
    }
}

/// Sets the status of a user's account, as operators do.
pub async fn set_status(stack: &Stack, user: &User, status: &str) {
    let request = json!({
        "TableName": stack.table(),
        "Key": { "pk": { "S": format!("USERNAME#{}", user.username.to_lowercase()) }, "sk": { "S": "CLAIM" } },
        "UpdateExpression": "SET #status = :status",
        "ConditionExpression": "user_id = :user",
        "ExpressionAttributeNames": { "#status": "status" },
        "ExpressionAttributeValues": { ":status": { "S": status }, ":user": { "S": user.id } },
    });
    ask(stack.dynamodb_url(), stack, "UpdateItem", &request).await;
}

/// An id of the millisecond `ms`.
pub fn id_at(ms: i64, n: usize) -> String {
    format!("{ms:012x}{n:012x}")
}

/// In milliseconds. The worker `notify` skips messages that are older than a day. Otherwise it would look up thousands of stored
/// messages, and tests that wait for a notification would have to wait for them.
pub fn two_days_ago() -> i64 {
    (now() - time::Duration::days(2)).unix_timestamp() * 1000
}

/// An inbox message as the table stores it.
pub fn message(user: &User, id: &str, content: &str) -> Value {
    json!({
        "pk": { "S": format!("INBOX#{}", user.id) },
        "sk": { "S": format!("MSG#{id}") },
        "id": { "S": id },
        "content": { "S": content },
        "sealed_sender": { "S": "x".repeat(124) },
    })
}

/// Stores that many messages in an inbox, with ids of two days ago, three per millisecond. Returns their ids, newest first.
pub async fn fill(stack: &Stack, user: &User, count: usize) -> Vec<String> {
    let begin = two_days_ago();
    let mut ids: Vec<String> = (0..count).map(|n| id_at(begin + (n / 3) as i64, n)).collect();
    let items: Vec<Value> = ids.iter().map(|id| message(user, id, &format!("The message {id}"))).collect();
    put(stack, &items).await;
    ids.reverse();
    ids
}
