//! Batches of records: how a function's answer is read, and what follows a failure.

use super::mapping::Rules;
use super::record::Record;
use crate::runtime::PAYLOAD_LIMIT;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// The pause before the first retry. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause before a retry.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The length of an event without records: `{"Records":[]}`.
const ENVELOPE: usize = 14;

/// Records that go to the function together, in their shard's order.
#[derive(Clone, Debug)]
pub struct Batch {
    pub records: Vec<Record>,
    /// How often exactly this batch was tried again.
    pub retries: u32,
    pub attempts: Attempts,
}

/// The invocations with these records, also as a part of larger batches.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    pub count: u32,
    /// Of the last invocation.
    pub request_id: Option<Arc<str>>,
    /// Whether the last invocation returned without an error.
    pub answered: bool,
}

/// The outcome of an invocation.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The records from this index on have to be tried again.
    FailedFrom(usize),
}

/// What to do with a batch that has failed.
#[derive(Debug)]
pub enum Failed {
    /// Try these, in this order.
    Again(Vec<Batch>),
    Discarded(Batch),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    batch_item_failures: Option<Vec<Item>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    item_identifier: String,
}

/// Splits records into batches of at most `most` that fit into an event.
pub fn batches(records: Vec<Record>, most: usize) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut bytes = 0;
    for record in records {
        bytes += record.json.len() + 1;
        match batches.last_mut() {
            Some(batch) if batch.records.len() < most && bytes + ENVELOPE <= PAYLOAD_LIMIT => {
                batch.records.push(record);
            }
            _ => {
                bytes = record.json.len() + 1;
                batches.push(Batch { records: vec![record], retries: 0, attempts: Attempts::default() });
            }
        }
    }
    batches
}

/// How long to wait after so many failures in a row.
pub fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_PAUSE)
}

impl Attempts {
    /// Counts an invocation.
    pub fn add(&mut self, request_id: Arc<str>, answered: bool) {
        *self = Self { count: self.count.saturating_add(1), request_id: Some(request_id), answered };
    }
}

impl Batch {
    /// The event for the function.
    pub fn event(&self) -> String {
        let records: Vec<&str> = self.records.iter().map(|record| record.json.as_str()).collect();
        format!(r#"{{"Records":[{}]}}"#, records.join(","))
    }

    /// Reads the function's answer.
    pub fn outcome(&self, answer: &[u8], rules: &Rules) -> Outcome {
        if !rules.reports {
            return Outcome::Done;
        }
        let failures = match serde_json::from_slice(answer) {
            Ok(Value::Null) => return Outcome::Done,
            Ok(answer @ Value::Object(_)) => serde_json::from_value::<Report>(answer).ok(),
            _ => None,
        };
        let Some(Report { batch_item_failures: failures }) = failures else { return Outcome::FailedFrom(0) };
        let place = |item: &Item| self.records.iter().position(|record| record.sequence == item.item_identifier);
        // As in Lambda, the whole batch has failed if the answer names a record that is not in it.
        let places = failures.iter().flatten().map(place).collect::<Option<Vec<_>>>().unwrap_or_else(|| vec![0]);
        places.into_iter().min().map_or(Outcome::Done, Outcome::FailedFrom)
    }

    /// Removes records that are older than the rules allow. `now` is in seconds since 1970.
    pub fn take_too_old(&mut self, rules: &Rules, now: i64) -> Option<Self> {
        let oldest = now.saturating_sub_unsigned(rules.age?.as_secs());
        let too_old = self.records.iter().take_while(|record| record.at < oldest).count();
        let records: Vec<Record> = self.records.drain(..too_old).collect();
        (!records.is_empty()).then(|| Self { records, retries: self.retries, attempts: self.attempts.clone() })
    }

    /// Applies the rules after a failure from the record at `from` on. The records before it are done. If there are any, the
    /// others become a new batch without retries. Bisecting a batch doesn't count as a retry.
    pub fn failed(mut self, from: usize, rules: &Rules) -> Failed {
        let mut rest = self.records.split_off(from);
        let is_new = from > 0;
        let retries = if is_new { 0 } else { self.retries };
        let batch = |records, retries| Self { records, retries, attempts: self.attempts.clone() };
        if rules.bisects && is_new {
            return Failed::Again(vec![batch(rest, retries)]);
        }
        if rules.bisects && rest.len() > 1 {
            let second = rest.split_off(rest.len() / 2);
            return Failed::Again(vec![batch(rest, retries), batch(second, retries)]);
        }
        match rules.retries {
            Some(most) if retries >= most => Failed::Discarded(batch(rest, retries)),
            _ => Failed::Again(vec![batch(rest, retries.saturating_add(1))]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn record(number: usize) -> Record {
        Record { sequence: number.to_string(), at: number as i64, json: json!({"n": number}).to_string(), item: 1 }
    }

    fn batch(numbers: std::ops::Range<usize>) -> Batch {
        Batch { records: numbers.map(record).collect(), retries: 0, attempts: Attempts::default() }
    }

    fn rules(bisects: bool, reports: bool, retries: Option<u32>) -> Rules {
        Rules { bisects, reports, retries, age: None }
    }

    fn numbers(records: &[Record]) -> Vec<usize> {
        records.iter().map(|record| record.sequence.parse().unwrap()).collect()
    }

    #[test]
    fn batches_keep_to_their_number_and_to_what_an_event_can_carry() {
        let sizes = |records, most| batches(records, most).iter().map(|b| b.records.len()).collect::<Vec<_>>();
        assert_eq!(sizes((0..25).map(record).collect(), 10), [10, 10, 5]);
        let large = Record { json: format!("\"{}\"", "x".repeat(PAYLOAD_LIMIT / 3)), ..record(0) };
        assert_eq!(sizes(vec![large; 5], 10), [2, 2, 1]);
        assert!(batches(Vec::new(), 10).is_empty());
        let event: Value = serde_json::from_str(&batch(0..2).event()).unwrap();
        assert_eq!(event, json!({"Records": [{"n": 0}, {"n": 1}]}));
        assert_eq!(batch(0..0).event().len(), ENVELOPE);
    }

    #[test]
    fn an_answer_is_read_as_in_lambda() {
        let outcome = |answer: &str| batch(0..4).outcome(answer.as_bytes(), &rules(false, true, None));
        for done in ["null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#] {
            assert_eq!(outcome(done), Outcome::Done, "{done}");
        }
        let from_2 = r#"{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}"#;
        assert_eq!(outcome(from_2), Outcome::FailedFrom(2));
        for all in [
            "",
            "{",
            "\"text\"",
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemId":"3"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"99"}]}"#,
        ] {
            assert_eq!(outcome(all), Outcome::FailedFrom(0), "{all}");
        }
        // Without ReportBatchItemFailures, the answer is ignored.
        assert_eq!(batch(0..4).outcome(from_2.as_bytes(), &rules(false, false, None)), Outcome::Done);
    }

    #[test]
    fn retries_wait_longer_and_longer_up_to_a_bound() {
        let pauses: Vec<_> = [1, 2, 3, 6, 7, 1000].map(|failures| pause(failures).as_millis()).into();
        assert_eq!(pauses, [100, 200, 400, 3200, 5000, 5000]);
    }

    #[test]
    fn records_that_are_too_old_are_removed() {
        let young = Rules { age: Some(Duration::from_secs(60)), ..Rules::default() };
        let mut all = batch(0..5);
        assert_eq!(numbers(&all.take_too_old(&young, 62).unwrap().records), [0, 1]);
        assert_eq!(numbers(&all.records), [2, 3, 4]);
        assert!(all.take_too_old(&young, 62).is_none());
        assert!(all.take_too_old(&Rules::default(), i64::MAX).is_none());
    }

    #[test]
    fn a_batch_is_discarded_after_its_retries_and_no_sooner() {
        for (retries, expected) in [(Some(0), 1), (Some(2), 3)] {
            let (mut left, mut tries) = (batch(0..3), 0);
            let discarded = loop {
                tries += 1;
                match left.failed(0, &rules(false, true, retries)) {
                    Failed::Again(mut again) => left = again.remove(0),
                    Failed::Discarded(batch) => break batch,
                }
            };
            assert_eq!((tries, numbers(&discarded.records)), (expected, vec![0, 1, 2]));
        }
        assert!(matches!(
            Batch { retries: u32::MAX, ..batch(0..1) }.failed(0, &rules(false, false, None)),
            Failed::Again(_)
        ));
    }

    /// Runs a batch against a function that fails at each record of `poison`. Returns the records that were done, and those
    /// that were discarded.
    fn run(all: Batch, poison: &[usize], rules: &Rules) -> (Vec<usize>, Vec<usize>) {
        let (mut done, mut discarded, mut ahead) = (Vec::new(), Vec::new(), vec![all]);
        while let Some(batch) = ahead.pop() {
            let at = batch.records.iter().position(|record| poison.contains(&record.sequence.parse().unwrap()));
            // Without a report, the stack can't know how far the function came.
            let done_before = if rules.reports { at.unwrap_or(batch.records.len()) } else { 0 };
            match at {
                None => done.extend(numbers(&batch.records)),
                Some(_) => {
                    done.extend(numbers(&batch.records[..done_before]));
                    match batch.failed(done_before, rules) {
                        Failed::Again(again) => ahead.extend(again.into_iter().rev()),
                        Failed::Discarded(batch) => discarded.extend(numbers(&batch.records)),
                    }
                }
            }
        }
        (done, discarded)
    }

    proptest! {
        #[test]
        fn every_record_is_done_or_discarded_once_and_in_order(
            count in 1..40_usize, poison in prop::collection::vec(0..40_usize, 0..5),
            bisects: bool, reports: bool, retries in 0..4_u32,
        ) {
            let (done, discarded) = run(batch(0..count), &poison, &rules(bisects, reports, Some(retries)));
            prop_assert!(done.is_sorted() && discarded.is_sorted());
            let mut all = [done.clone(), discarded.clone()].concat();
            all.sort();
            prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
            // Bisecting discards only the records that fail.
            if bisects {
                prop_assert!(discarded.iter().all(|number| poison.contains(number)));
            }
        }
    }
}
