//! A stream, looked at once for all of its mappings: every shard from its start, a shard's children after it.

use super::batches;
use super::follower::{Follower, Page};
use super::mapping::Start;
use super::positions::place;
use super::record::{Record, record};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::SdkError;
use aws_sdk_dynamodbstreams::operation::get_shard_iterator::GetShardIteratorError;
use aws_sdk_dynamodbstreams::types::{Shard, ShardIteratorType};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// How often new shards are looked for. Those that follow a shard that has ended are looked for when it ends.
const DESCRIBE_EVERY: Duration = Duration::from_secs(2);

/// How soon a shard is looked at again in which there was nothing.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A stream and its mappings at work.
pub struct Stream {
    pub client: Client,
    /// What the stream's own store calls it.
    pub arn: String,
    /// What functions are told that it is called.
    pub named: String,
    pub followers: Vec<Arc<Follower>>,
}

/// Somebody who is told of a shard's records. However slow he is, nobody waits for him: what he lags behind is kept.
struct Listener {
    follower: Arc<Follower>,
    /// The last record that he had done before.
    done: Option<String>,
    pages: UnboundedSender<Page>,
}

impl Listener {
    /// Tells of records up to `last`, but for those that were done before.
    fn tell(&self, records: &[(Record, Value)], last: &str) {
        let is_new = |sequence| self.done.as_deref().map(place) < Some(place(sequence));
        let filter = &self.follower.mapping.filter;
        let wanted = records.iter().filter(|(record, value)| is_new(&record.sequence) && filter.wants(value));
        if is_new(last) {
            let page = Page { records: wanted.map(|(record, _)| record.clone()).collect(), last: last.to_owned() };
            let _ = self.pages.send(page); // who takes them is there for as long as this is
        }
    }
}

/// Per shard and follower: closed once the follower has done all of the shard.
type Finished = HashMap<String, Vec<watch::Receiver<()>>>;

impl Stream {
    /// Follows the stream for as long as this is polled.
    pub async fn run(self: Arc<Self>) -> Infallible {
        // Readers end with the name of their shard.
        let mut tasks: JoinSet<Option<String>> = JoinSet::new();
        let (mut finished, mut ended) = (Finished::new(), HashSet::new());
        let mut there_before: Option<HashSet<String>> = None;
        let mut failures = 0;
        loop {
            let pause = match self.shards().await {
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
                        if is_next && !finished.contains_key(id) {
                            let is_old = there_before.contains(id);
                            self.clone().begin(id, parent, is_old, &mut finished, &mut tasks);
                        }
                    }
                    DESCRIBE_EVERY
                }
                Err(error) => self.failed("DescribeStream", &error, &mut failures),
            };
            let next = Instant::now() + pause;
            loop {
                tokio::select! {
                    Some(task) = tasks.join_next() => {
                        if let Ok(Some(shard)) = task {
                            ended.insert(shard);
                            break;
                        }
                    }
                    () = sleep_until(next) => break,
                }
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

    /// Begins with a shard: a task for each follower, and one that reads for all of them.
    fn begin(
        self: Arc<Self>,
        shard: &str,
        parent: Option<&str>,
        is_old: bool,
        finished: &mut Finished,
        tasks: &mut JoinSet<Option<String>>,
    ) {
        let (mut from_start, mut from_now, mut all_finished) = (Vec::new(), Vec::new(), Vec::new());
        for (number, follower) in self.followers.iter().enumerate() {
            let (pages, told) = mpsc::unbounded_channel();
            let (finishing, is_finished) = watch::channel(());
            all_finished.push(is_finished);
            let before = parent.and_then(|parent| finished.get(parent)).map(|parent| parent[number].clone());
            let (taking, own) = (follower.clone(), shard.to_owned());
            tasks.spawn(async move {
                if let Some(mut before) = before {
                    while before.changed().await.is_ok() {}
                }
                taking.take(&own, told).await;
                drop(finishing);
                None
            });
            let listener = Listener { done: follower.positions.of(shard), follower: follower.clone(), pages };
            // What comes after the mapping is read from its start.
            match follower.mapping.start {
                Start::Latest if is_old && listener.done.is_none() => from_now.push(listener),
                _ => from_start.push(listener),
            }
        }
        finished.insert(shard.to_owned(), all_finished);
        let shard = shard.to_owned();
        tasks.spawn(async move {
            tokio::join!(
                self.read(&shard, from_start, ShardIteratorType::TrimHorizon),
                self.read(&shard, from_now, ShardIteratorType::Latest),
            );
            Some(shard)
        });
    }

    /// Reads a shard to its end, which an open one doesn't have, from where the last of the listeners is, or from
    /// `start` if there is one who never was anywhere. What the shard's description says of its end is not asked:
    /// dynoxide gives every shard one.
    async fn read(&self, shard: &str, listeners: Vec<Listener>, start: ShardIteratorType) {
        let done = listeners.iter().map(|listener| &listener.done);
        let Some(mut read) = done.min_by_key(|done| done.as_deref().map(place)).cloned() else { return };
        let (mut iterator, mut failures) = (None, 0);
        loop {
            let current = match iterator.take() {
                Some(iterator) => iterator,
                None => match self.iterator(shard, read.as_deref(), start.clone()).await {
                    Ok(Some(iterator)) => iterator,
                    Ok(None) => return,
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
            let records: Vec<_> = changes.iter().filter_map(|change| record(change, &self.named)).collect();
            let last = records.last().map(|(record, _)| record.sequence.clone());
            if let Some(last) = &last {
                listeners.iter().for_each(|listener| listener.tell(&records, last));
            }
            iterator = page.next_shard_iterator;
            match (&iterator, last) {
                (None, _) => return,
                (Some(_), None) => sleep(LOOK_EVERY).await,
                (Some(_), last) => read = last,
            }
        }
    }

    /// Where to go on in a shard; `None` at its end.
    async fn iterator(
        &self,
        shard: &str,
        read: Option<&str>,
        start: ShardIteratorType,
    ) -> Result<Option<String>, String> {
        let from = |kind, sequence: Option<&str>| {
            let request = self.client.get_shard_iterator().stream_arn(&self.arn).shard_id(shard);
            request.shard_iterator_type(kind).set_sequence_number(sequence.map(str::to_owned)).send()
        };
        let answer = match read {
            None => from(start, None).await,
            Some(read) => match from(ShardIteratorType::AfterSequenceNumber, Some(read)).await {
                Err(error) if is_trimmed(&error) => from(ShardIteratorType::TrimHorizon, None).await,
                answer => answer,
            },
        };
        answer.map(|answer| answer.shard_iterator).map_err(|error| DisplayErrorContext(error).to_string())
    }

    /// How long to wait after a call that failed, which is said the first time, to everyone whom it concerns.
    fn failed(&self, call: &str, error: &str, failures: &mut u32) -> Duration {
        *failures += 1;
        if *failures == 1 {
            self.followers.iter().for_each(|follower| follower.say(format!("{call} failed: {error}")));
        }
        batches::pause(*failures)
    }
}

/// Whether the place that was asked for is no longer in the stream.
fn is_trimmed<R>(error: &SdkError<GetShardIteratorError, R>) -> bool {
    error.as_service_error().is_some_and(GetShardIteratorError::is_trimmed_data_access_exception)
}
