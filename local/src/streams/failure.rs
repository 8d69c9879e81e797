//! What a queue is told of records that were given up, in Lambda's words: where they are, not what they say.

use super::batches::Batch;
use super::mapping::Mapping;
use super::record::Record;
use crate::times;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Why records were given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    FailedTooOften,
    TooOld,
}

impl Condition {
    /// What the log says.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::FailedTooOften => "the function failed too often",
            Self::TooOld => "they became too old",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::FailedTooOften => "RetryAttemptsExhausted",
            Self::TooOld => "RecordAgeExceeded",
        }
    }
}

/// The document that Lambda sends to a destination on failure.
pub fn report(batch: &Batch, mapping: &Mapping, shard: &str, why: Condition, now: OffsetDateTime) -> Value {
    let tries = &batch.tries;
    let (first, last) = (batch.records.first(), batch.records.last());
    let sequence = |record: Option<&Record>| record.map(|record| record.sequence.clone());
    let arrival = |record: Option<&Record>| {
        record.and_then(|record| OffsetDateTime::from_unix_timestamp(record.at).ok()).map(times::seconds)
    };
    let request_id = tries.request_id.as_deref().map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
    let mut report = json!({
        "requestContext": {
            "requestId": request_id,
            "functionArn": mapping.function_arn,
            "condition": why.name(),
            "approximateInvokeCount": tries.count,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": times::milliseconds(now),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": sequence(first),
            "endSequenceNumber": sequence(last),
            "approximateArrivalOfFirstRecord": arrival(first),
            "approximateArrivalOfLastRecord": arrival(last),
            "batchSize": batch.records.len(),
            "streamArn": mapping.stream_arn,
        },
    });
    if let Some(report) = report.as_object_mut() {
        match (&tries.request_id, tries.answered) {
            // The function was never asked, so it has answered nothing.
            (None, _) => drop(report.shift_remove("responseContext")),
            // It did its work, and said itself what it could not do.
            (Some(_), true) => {
                report["responseContext"].as_object_mut().map(|response| response.shift_remove("functionError"));
            }
            (Some(_), false) => {}
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::batches::Tries;
    use crate::streams::mapping::{Rules, Start};

    fn mapping() -> Mapping {
        Mapping {
            name: "Changes".into(),
            function: 0,
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:local-f".into(),
            stream_arn: "arn:aws:dynamodb:us-east-1:000000000000:table/local-t/stream/x".into(),
            table: "local-t".into(),
            start: Start::Latest,
            filter: Default::default(),
            batch_size: 100,
            lanes: 1,
            rules: Rules::default(),
            on_failure: None,
        }
    }

    fn batch(tries: Tries) -> Batch {
        let record =
            |sequence: &str, at| Record { sequence: sequence.into(), at, json: r#"{"secret":1}"#.into(), item: 1 };
        Batch { records: vec![record("7", 1_573_690_399), record("9", 1_573_690_400)], retries: 1, tries }
    }

    #[test]
    fn what_was_given_up_is_told_of_as_lambda_does() {
        let mut tries = Tries::default();
        for id in ["first", "last"] {
            tries.add(id.into(), false);
        }
        let now = OffsetDateTime::from_unix_timestamp_nanos(1_573_690_429_717_000_000).unwrap();
        let told = report(&batch(tries), &mapping(), "shardId-1", Condition::FailedTooOften, now);
        let expected = json!({
            "requestContext": {
                "requestId": "last",
                "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:local-f",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 2,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "2019-11-14T00:13:49.717Z",
            "DDBStreamBatchInfo": {
                "shardId": "shardId-1",
                "startSequenceNumber": "7",
                "endSequenceNumber": "9",
                "approximateArrivalOfFirstRecord": "2019-11-14T00:13:19Z",
                "approximateArrivalOfLastRecord": "2019-11-14T00:13:20Z",
                "batchSize": 2,
                "streamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/local-t/stream/x",
            },
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn a_function_that_did_not_fail_as_a_whole_or_was_never_asked_is_not_said_to_have_failed() {
        let told = |tries, why| report(&batch(tries), &mapping(), "s", why, OffsetDateTime::UNIX_EPOCH);
        let mut reported = Tries::default();
        reported.add("x".into(), true);
        let reported = told(reported, Condition::FailedTooOften);
        assert_eq!(reported["responseContext"], json!({"statusCode": 200, "executedVersion": "$LATEST"}));
        let outdated = told(Tries::default(), Condition::TooOld);
        assert_eq!(outdated.get("responseContext"), None);
        assert_eq!(outdated["requestContext"]["condition"], "RecordAgeExceeded");
        assert_eq!(outdated["requestContext"]["approximateInvokeCount"], 0);
    }
}
