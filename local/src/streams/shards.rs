//! Following of a stream: every shard from its start, a shard's children after it, each record to the function.

use super::batches::{self, Batch, Failed, Outcome};
use super::mapping::{Mapping, Start};
use super::positions::Positions;
use super::record::{Record, record};
use crate::logs::Logs;
use crate::pool::Pool;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::SdkError;
use aws_sdk_dynamodbstreams::operation::get_shard_iterator::GetShardIteratorError;
use aws_sdk_dynamodbstreams::types::{Shard, ShardIteratorType};
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// How often new shards are looked for. Those that follow a shard that has ended are looked for when it ends.
const DESCRIBE_EVERY: Duration = Duration::from_secs(2);

/// How soon a shard is looked at again in which there was nothing.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A mapping at work.
pub struct Follower {
    pub client: Client,
    /// What the stream's own store calls it.
    pub arn: String,
    pub mapping: Mapping,
    pub pool: Arc<Pool>,
    pub positions: Positions,
    pub logs: Logs,
}

impl Follower {
    /// Follows the stream for as long as this is polled.
    pub async fn run(self: Arc<Self>) -> Infallible {
        let mut readers: JoinSet<String> = JoinSet::new();
        let (mut started, mut ended) = (HashSet::new(), HashSet::new());
        let mut there_before: Option<HashSet<String>> = None;
        let mut failures = 0;
        loop {
            let described = self.shards().await;
            let pause = match described {
                Ok(shards) => {
                    failures = 0;
                    let listed: HashSet<&str> =
                        shards.iter().map(Shard::shard_id).map(Option::unwrap_or_default).collect();
                    let there_before =
                        there_before.get_or_insert_with(|| listed.iter().copied().map(str::to_owned).collect());
                    for shard in &shards {
                        let id = shard.shard_id().unwrap_or_default();
                        let parent = shard.parent_shard_id().filter(|parent| listed.contains(parent));
                        let is_next = parent.is_none_or(|parent| ended.contains(parent));
                        if is_next && started.insert(id.to_owned()) {
                            // What comes after the mapping is read from its start.
                            let start = match there_before.contains(id) {
                                true => self.mapping.start,
                                false => Start::TrimHorizon,
                            };
                            readers.spawn(self.clone().read(id.to_owned(), start));
                        }
                    }
                    DESCRIBE_EVERY
                }
                Err(error) => self.failed("DescribeStream", &error, &mut failures),
            };
            let next = Instant::now() + pause;
            tokio::select! {
                Some(reader) = readers.join_next() => {
                    ended.extend(reader.ok());
                }
                () = sleep_until(next) => {}
            }
        }
    }

    async fn shards(&self) -> Result<Vec<Shard>, String> {
        let (mut shards, mut after) = (Vec::new(), None);
        loop {
            let page = self.client.describe_stream().stream_arn(&self.arn).set_exclusive_start_shard_id(after);
            let page = page.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
            let Some(page) = page.stream_description else { return Ok(shards) };
            shards.extend(page.shards.unwrap_or_default());
            after = page.last_evaluated_shard_id;
            if after.is_none() {
                return Ok(shards);
            }
        }
    }

    /// Reads a shard to its end, which an open one doesn't have; its id. What its description says of its end is not
    /// asked: dynoxide gives every shard one.
    async fn read(self: Arc<Self>, shard: String, start: Start) -> String {
        let (mut iterator, mut failures) = (None, 0);
        loop {
            let current = match iterator.take() {
                Some(iterator) => iterator,
                None => match self.iterator(&shard, start).await {
                    Ok(Some(iterator)) => iterator,
                    Ok(None) => return shard,
                    Err(error) => {
                        sleep(self.failed("GetShardIterator", &error, &mut failures)).await;
                        continue;
                    }
                },
            };
            let page = match self.client.get_records().shard_iterator(current).send().await {
                Ok(page) => page,
                // An iterator that is too old is an error too; the next one starts where this one was.
                Err(error) => {
                    let error = DisplayErrorContext(error).to_string();
                    sleep(self.failed("GetRecords", &error, &mut failures)).await;
                    continue;
                }
            };
            failures = 0;
            let changes = page.records.unwrap_or_default();
            let records: Vec<_> =
                changes.iter().filter_map(|change| record(change, &self.mapping.stream_arn)).collect();
            let last = records.last().map(|(record, _)| record.sequence.clone());
            let wanted = records.into_iter().filter(|(_, value)| self.mapping.filter.wants(value));
            self.hand_over(&shard, wanted.map(|(record, _)| record).collect()).await;
            if let Some(last) = &last {
                self.positions.advance(&shard, last);
            }
            match page.next_shard_iterator {
                Some(next) => iterator = Some(next),
                None => return shard,
            }
            if last.is_none() {
                sleep(LOOK_EVERY).await;
            }
        }
    }

    /// Where to go on in a shard; `None` at its end.
    async fn iterator(&self, shard: &str, start: Start) -> Result<Option<String>, String> {
        let start = match start {
            Start::TrimHorizon => ShardIteratorType::TrimHorizon,
            Start::Latest => ShardIteratorType::Latest,
        };
        let from = |kind, sequence| {
            let request = self.client.get_shard_iterator().stream_arn(&self.arn).shard_id(shard);
            request.shard_iterator_type(kind).set_sequence_number(sequence).send()
        };
        let answer = match self.positions.of(shard) {
            None => from(start, None).await,
            Some(done) => match from(ShardIteratorType::AfterSequenceNumber, Some(done)).await {
                Err(error) if is_trimmed(&error) => from(ShardIteratorType::TrimHorizon, None).await,
                answer => answer,
            },
        };
        answer.map(|answer| answer.shard_iterator).map_err(|error| DisplayErrorContext(error).to_string())
    }

    /// Has the function take all the records, or gives them up, as the mapping's rules say.
    async fn hand_over(&self, shard: &str, records: Vec<Record>) {
        let Mapping { rules, batch_size, .. } = &self.mapping;
        let mut ahead = batches::batches(records, *batch_size);
        ahead.reverse(); // the next one is the last
        let mut failures = 0;
        while let Some(mut batch) = ahead.pop() {
            self.give_up(&batch.outdated(rules, OffsetDateTime::now_utc().unix_timestamp()), "they became too old");
            let Some(last) = batch.records.last().map(|record| record.sequence.clone()) else { continue };
            let Outcome::FailedFrom(from) = self.invoke(&batch).await else {
                failures = 0;
                self.positions.advance(shard, &last);
                continue;
            };
            failures = if from > 0 { 1 } else { failures + 1 };
            if let Some(done) = from.checked_sub(1).and_then(|done| batch.records.get(done)) {
                self.positions.advance(shard, &done.sequence);
            }
            match batch.failed(from, rules) {
                Failed::Again(again) => {
                    ahead.extend(again.into_iter().rev());
                    sleep(batches::pause(failures)).await;
                }
                Failed::GivenUp(records) => {
                    self.give_up(&records, "the function failed too often");
                    self.positions.advance(shard, &last);
                }
            }
        }
    }

    async fn invoke(&self, batch: &Batch) -> Outcome {
        let request_id: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        match self.pool.turn().await.invoke(&request_id, batch.event().into()).await {
            Ok(answer) => batch.outcome(&answer, &self.mapping.rules),
            Err(_) => Outcome::FailedFrom(0), // the pool has said why
        }
    }

    /// Says that nobody will take these records, and nothing of what is in them.
    fn give_up(&self, records: &[Record], why: &str) {
        if !records.is_empty() {
            self.say(format!("gave up {} of the stream's records: {why}", records.len()));
        }
    }

    /// How long to wait after a call that failed, which is said the first time.
    fn failed(&self, call: &str, error: &str, failures: &mut u32) -> Duration {
        *failures += 1;
        if *failures == 1 {
            self.say(format!("{call} failed: {error}"));
        }
        batches::pause(*failures)
    }

    fn say(&self, text: String) {
        self.logs.push(&self.pool.name().into(), format!("{}: {text}", self.mapping.name));
    }
}

/// Whether the place that was asked for is no longer in the stream.
fn is_trimmed<R>(error: &SdkError<GetShardIteratorError, R>) -> bool {
    error.as_service_error().is_some_and(GetShardIteratorError::is_trimmed_data_access_exception)
}
