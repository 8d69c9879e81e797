//! What DynamoDB says of a transaction that meets another one half-way: that one has changed some of its items already, and still
//! holds the others. A store on one machine is never seen like that.

use serde_json::{Value, json};

/// `answer`, a cancellation of the transaction `request`, with another one holding the items whose keys have `text` in them.
pub fn held(request: &str, text: &str, answer: &[u8]) -> String {
    let request: Value = serde_json::from_str(request).expect("a request");
    let mut answer: Value = serde_json::from_slice(answer).expect("an answer");
    let steps = request["TransactItems"].as_array().expect("a transaction");
    let reasons = answer["CancellationReasons"].as_array_mut().expect("a transaction that was cancelled");
    for (step, reason) in steps.iter().zip(reasons) {
        let key = step.as_object().and_then(|step| step.values().next()).map(|step| step["Key"].to_string());
        if key.is_some_and(|key| key.contains(text)) {
            *reason = json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" });
        }
    }
    answer.to_string()
}
