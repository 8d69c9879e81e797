//! The answer of DynamoDB to a transaction that conflicts with another one. The other one has changed some of the items already
//! and still holds the rest. A store on one machine never shows that state, so the proxy makes up the answer.

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::CONTENT_LENGTH;
use serde_json::{Value, json};

/// Changes `answer`, the cancellation of the transaction `request`: items whose keys contain `text` fail with a conflict.
pub fn with_conflicts(request: &str, text: &str, answer: Response<Bytes>) -> Response<Full<Bytes>> {
    let (mut head, body) = answer.into_parts();
    // The body's length changes.
    head.headers.remove(CONTENT_LENGTH);
    let request: Value = serde_json::from_str(request).expect("a request");
    let mut body: Value = serde_json::from_slice(&body).expect("an answer");
    let steps = request["TransactItems"].as_array().expect("a transaction");
    let reasons = body["CancellationReasons"].as_array_mut().expect("a transaction that was cancelled");
    for (step, reason) in steps.iter().zip(reasons) {
        let step = step.as_object().and_then(|step| step.values().next()).expect("a step");
        // A put has its key in its item.
        let key = [&step["Key"], &step["Item"]["pk"], &step["Item"]["sk"]].map(Value::to_string).concat();
        if key.contains(text) {
            *reason = json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" });
        }
    }
    Response::from_parts(head, Full::new(body.to_string().into()))
}
