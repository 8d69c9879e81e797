//! The report of discarded records to a destination on failure, in Lambda's format. It has the position of the records, not
//! their data.

use super::batches::Batch;
use super::mapping::Mapping;
use super::record::Record;
use crate::times;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Why records were discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    FailedTooOften,
    TooOld,
}

impl Condition {
    /// For the log.
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
    let attempts = &batch.attempts;
    let (first, last) = (batch.records.first(), batch.records.last());
    let sequence = |record: Option<&Record>| record.map(|record| record.sequence.clone());
    let arrival = |record: Option<&Record>| {
        record.and_then(|record| OffsetDateTime::from_unix_timestamp(record.at).ok()).map(times::seconds)
    };
    let request_id = attempts.request_id.as_deref().map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
    let mut report = json!({
        "requestContext": {
            "requestId": request_id,
            "functionArn": mapping.function_arn,
            "condition": why.name(),
            "approximateInvokeCount": attempts.count,
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
        match (&attempts.request_id, attempts.answered) {
            // The function was never invoked.
            (None, _) => drop(report.shift_remove("responseContext")),
            // The function succeeded as a whole, and reported the records that failed.
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
    use crate::streams::batches::Attempts;
    use crate::streams::mapping::Rules;

    fn mapping() -> Mapping {
        Mapping {
            name: "Changes".into(),
            function: 0,
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:local-f".into(),
            stream_arn: "arn:aws:dynamodb:us-east-1:000000000000:table/local-t/stream/x".into(),
            table: "local-t".into(),
            filter: Default::default(),
            batch_size: 100,
            lanes: 1,
            rules: Rules::default(),
            on_failure: None,
        }
    }

    fn batch(attempts: Attempts) -> Batch {
        let record =
            |sequence: &str, at| Record { sequence: sequence.into(), at, json: r#"{"secret":1}"#.into(), item: 1 };
        Batch { records: vec![record("7", 1_573_690_399), record("9", 1_573_690_400)], retries: 1, attempts }
    }

    #[test]
    fn a_report_has_lambdas_format() {
        let mut attempts = Attempts::default();
        for id in ["first", "last"] {
            attempts.add(id.into(), false);
        }
        let now = OffsetDateTime::from_unix_timestamp_nanos(1_573_690_429_717_000_000).unwrap();
        let report = report(&batch(attempts), &mapping(), "shardId-1", Condition::FailedTooOften, now);
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
        assert_eq!(report, expected);
    }

    #[test]
    fn a_function_that_succeeded_or_was_never_invoked_is_not_reported_as_failed() {
        let report = |attempts, why| report(&batch(attempts), &mapping(), "s", why, OffsetDateTime::UNIX_EPOCH);
        let mut reported = Attempts::default();
        reported.add("x".into(), true);
        let reported = report(reported, Condition::FailedTooOften);
        assert_eq!(reported["responseContext"], json!({"statusCode": 200, "executedVersion": "$LATEST"}));
        let outdated = report(Attempts::default(), Condition::TooOld);
        assert_eq!(outdated.get("responseContext"), None);
        assert_eq!(outdated["requestContext"]["condition"], "RecordAgeExceeded");
        assert_eq!(outdated["requestContext"]["approximateInvokeCount"], 0);
    }
}
