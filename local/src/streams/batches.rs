//! Batches of records: what a function says about one, and what becomes of one that fails.

use super::mapping::Rules;
use super::record::Record;
use crate::runtime::PAYLOAD_LIMIT;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long the first retry waits; each further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The most that a retry waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What an event has beside its records: `{"Records":[]}`.
const ENVELOPE: usize = 14;

/// Records that go to the function together, in their shard's order.
#[derive(Clone, Debug)]
pub struct Batch {
    pub records: Vec<Record>,
    /// How often it was tried again, as it is now.
    pub retries: u32,
    pub tries: Tries,
}

/// What the function was asked to do with the records of a batch, in whatever batch they were then.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    pub count: u32,
    /// The last request.
    pub request_id: Option<Arc<str>>,
    /// Whether the function answered it, and not with an error.
    pub answered: bool,
}

/// What came of an invocation.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Everything from this record on has to be tried again.
    FailedFrom(usize),
}

/// What is left to do for a batch that failed.
#[derive(Debug)]
pub enum Failed {
    /// These are to be tried, in this order.
    Again(Vec<Batch>),
    GivenUp(Batch),
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

/// Batches of at most `most` records that an event can carry.
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
                batches.push(Batch { records: vec![record], retries: 0, tries: Tries::default() });
            }
        }
    }
    batches
}

/// How long to wait after so many failures on end.
pub fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_PAUSE)
}

impl Tries {
    /// One more.
    pub fn add(&mut self, request_id: Arc<str>, answered: bool) {
        *self = Self { count: self.count.saturating_add(1), request_id: Some(request_id), answered };
    }
}

impl Batch {
    /// The event that tells of it.
    pub fn event(&self) -> String {
        let records: Vec<&str> = self.records.iter().map(|record| record.json.as_str()).collect();
        format!(r#"{{"Records":[{}]}}"#, records.join(","))
    }

    /// What the function's answer says.
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
        // A record that isn't there can't be tried again: then nothing of the answer can be relied on.
        let places = failures.iter().flatten().map(place).collect::<Option<Vec<_>>>().unwrap_or_else(|| vec![0]);
        places.into_iter().min().map_or(Outcome::Done, Outcome::FailedFrom)
    }

    /// Takes out what is older than the rules allow at `now`, in seconds since 1970.
    pub fn outdated(&mut self, rules: &Rules, now: i64) -> Option<Self> {
        let oldest = now.saturating_sub_unsigned(rules.age?.as_secs());
        let outdated = self.records.iter().take_while(|record| record.at < oldest).count();
        let records: Vec<Record> = self.records.drain(..outdated).collect();
        (!records.is_empty()).then(|| Self { records, retries: self.retries, tries: self.tries.clone() })
    }

    /// What becomes of it when it failed from its record `from` on, as the rules say. Bisecting takes nothing from the
    /// retries; records before `from` are done, and those from it on are tried as a batch that is new.
    pub fn failed(mut self, from: usize, rules: &Rules) -> Failed {
        let mut rest = self.records.split_off(from);
        let is_new = from > 0;
        let retries = if is_new { 0 } else { self.retries };
        let batch = |records, retries| Self { records, retries, tries: self.tries.clone() };
        if rules.bisects && is_new {
            return Failed::Again(vec![batch(rest, retries)]);
        }
        if rules.bisects && rest.len() > 1 {
            let second = rest.split_off(rest.len() / 2);
            return Failed::Again(vec![batch(rest, retries), batch(second, retries)]);
        }
        match rules.retries {
            Some(most) if retries >= most => Failed::GivenUp(batch(rest, retries)),
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
        Batch { records: numbers.map(record).collect(), retries: 0, tries: Tries::default() }
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
    fn an_answer_is_read_as_lambda_reads_it() {
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
        // Whoever did not ask for reports is not asked for one.
        assert_eq!(batch(0..4).outcome(from_2.as_bytes(), &rules(false, false, None)), Outcome::Done);
    }

    #[test]
    fn retries_wait_longer_and_longer_up_to_a_bound() {
        let pauses: Vec<_> = [1, 2, 3, 6, 7, 1000].map(|failures| pause(failures).as_millis()).into();
        assert_eq!(pauses, [100, 200, 400, 3200, 5000, 5000]);
    }

    #[test]
    fn what_is_too_old_is_taken_out() {
        let young = Rules { age: Some(Duration::from_secs(60)), ..Rules::default() };
        let mut all = batch(0..5);
        assert_eq!(numbers(&all.outdated(&young, 62).unwrap().records), [0, 1]);
        assert_eq!(numbers(&all.records), [2, 3, 4]);
        assert!(all.outdated(&young, 62).is_none());
        assert!(all.outdated(&Rules::default(), i64::MAX).is_none());
    }

    #[test]
    fn a_batch_is_given_up_after_its_retries_and_no_sooner() {
        for (retries, expected) in [(Some(0), 1), (Some(2), 3)] {
            let (mut left, mut tries) = (batch(0..3), 0);
            let given_up = loop {
                tries += 1;
                match left.failed(0, &rules(false, true, retries)) {
                    Failed::Again(mut again) => left = again.remove(0),
                    Failed::GivenUp(batch) => break batch,
                }
            };
            assert_eq!((tries, numbers(&given_up.records)), (expected, vec![0, 1, 2]));
        }
        assert!(matches!(
            Batch { retries: u32::MAX, ..batch(0..1) }.failed(0, &rules(false, false, None)),
            Failed::Again(_)
        ));
    }

    /// Runs a batch against a function that fails whenever it meets one of `poison`; what it did, what it never did.
    fn run(all: Batch, poison: &[usize], rules: &Rules) -> (Vec<usize>, Vec<usize>) {
        let (mut done, mut given_up, mut ahead) = (Vec::new(), Vec::new(), vec![all]);
        while let Some(batch) = ahead.pop() {
            let at = batch.records.iter().position(|record| poison.contains(&record.sequence.parse().unwrap()));
            // Without a report, nobody knows how far it came.
            let done_before = if rules.reports { at.unwrap_or(batch.records.len()) } else { 0 };
            match at {
                None => done.extend(numbers(&batch.records)),
                Some(_) => {
                    done.extend(numbers(&batch.records[..done_before]));
                    match batch.failed(done_before, rules) {
                        Failed::Again(again) => ahead.extend(again.into_iter().rev()),
                        Failed::GivenUp(batch) => given_up.extend(numbers(&batch.records)),
                    }
                }
            }
        }
        (done, given_up)
    }

    proptest! {
        #[test]
        fn every_record_is_done_or_given_up_once_and_in_order(
            count in 1..40_usize, poison in prop::collection::vec(0..40_usize, 0..5),
            bisects: bool, reports: bool, retries in 0..4_u32,
        ) {
            let (done, given_up) = run(batch(0..count), &poison, &rules(bisects, reports, Some(retries)));
            prop_assert!(done.is_sorted() && given_up.is_sorted());
            let mut all = [done.clone(), given_up.clone()].concat();
            all.sort();
            prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
            // Bisecting gives up what can't be done, and nothing else.
            if bisects {
                prop_assert!(given_up.iter().all(|number| poison.contains(number)));
            }
        }
    }
}
