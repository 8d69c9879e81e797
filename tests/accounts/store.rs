//! Changes that only time or the operators cause. The tests write them to the table directly.

use local::Stack;
use serde_json::{Value, json};

use crate::support::{User, ask, now, stored_in};

/// A time in the past, in the product's format.
pub const LONG_AGO: &str = "2026-01-01T00:00:00.000Z";

/// Sets an attribute of an item, which must exist.
pub async fn set(stack: &Stack, (pk, sk): (&str, &str), attribute: &str, value: &str) {
    let request = json!({
        "TableName": stack.table(),
        "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
        "UpdateExpression": "SET #attribute = :value",
        "ConditionExpression": "attribute_exists(#attribute)",
        "ExpressionAttributeNames": { "#attribute": attribute },
        "ExpressionAttributeValues": { ":value": { "S": value } },
    });
    let answer = ask(stack.dynamodb_url(), stack, "UpdateItem", &request).await;
    assert_eq!(answer, json!({}), "{pk}");
}

/// Suspends an account, or makes it active again.
pub async fn set_status(stack: &Stack, user: &User, status: &str) {
    let pk = format!("USERNAME#{}", user.username.to_lowercase());
    set(stack, (&pk, "CLAIM"), "status", status).await;
}

/// The keyed hash of a user's address, from the user's profile.
pub async fn email_hash(stack: &Stack, user: &User) -> String {
    let items = stored_in(stack.dynamodb_url(), stack).await;
    let claim = items.iter().find_map(|item| {
        let hash = item["pk"]["S"].as_str()?.strip_prefix("EMAIL#")?;
        (item["user_id"]["S"] == *user.id).then(|| hash.to_owned())
    });
    claim.expect("a claim on the address")
}

/// Makes a code expire.
pub async fn expire_code(stack: &Stack, purpose: &str, subject: &str) {
    set(stack, (&format!("OTP#{purpose}#{subject}"), "OTP"), "expires_at", LONG_AGO).await;
}

/// Stores that many messages in an inbox, with ids of two days ago, for which `notify` has nothing to do.
pub async fn store_old_inbox(stack: &Stack, user: &User, count: usize) {
    let two_days_ago = now().unix_timestamp() as u64 * 1000 - 2 * 86_400_000;
    let item = |n: usize| {
        let message = format!("{two_days_ago:012x}{n:012x}");
        json!({ "PutRequest": { "Item": {
            "pk": { "S": format!("INBOX#{}", user.id) },
            "sk": { "S": format!("MSG#{message}") },
            "id": { "S": message },
            "content": { "S": "An old message to a user" },
            "sealed_sender": { "S": "nobody" },
        } } })
    };
    for batch in (0..count).collect::<Vec<_>>().chunks(25) {
        let items: Vec<Value> = batch.iter().map(|n| item(*n)).collect();
        let request = json!({ "RequestItems": { stack.table(): items } });
        assert_eq!(ask(stack.dynamodb_url(), stack, "BatchWriteItem", &request).await["UnprocessedItems"], json!({}));
    }
}
