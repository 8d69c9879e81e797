//! Reads a stream once for all of its mappings: every shard from its start, and a shard before its children.

use super::batches;
use super::positions::order;
use super::record::{Record, record};
use super::worker::{Page, Worker};
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

/// How often to look for new shards. When a shard ends, its children are looked for at once.
const DESCRIBE_EVERY: Duration = Duration::from_secs(2);

/// How long to wait before a shard without new records is read again.
const POLL_EVERY: Duration = Duration::from_millis(100);

/// A stream and its mappings at work.
pub struct Stream {
    pub client: Client,
    /// Its ARN in the DynamoDB.
    pub arn: String,
    /// Its ARN in events.
    pub named: String,
    pub workers: Vec<Arc<Worker>>,
}

/// A worker that gets a shard's records. Its channel is unbounded, so a slow worker doesn't hold others back.
struct Subscriber {
    worker: Arc<Worker>,
    /// The last record that it had done before the stack started.
    done: Option<String>,
    pages: UnboundedSender<Page>,
}

impl Subscriber {
    /// Sends the records up to `last` to the worker, without those that it had done before.
    fn send(&self, records: &[(Record, Value)], last: &str) {
        let is_new = |sequence| self.done.as_deref().map(order) < Some(order(sequence));
        let filter = &self.worker.mapping.filter;
        let wanted = records.iter().filter(|(record, value)| is_new(&record.sequence) && filter.matches(value));
        if is_new(last) {
            let page = Page { records: wanted.map(|(record, _)| record.clone()).collect(), last: last.to_owned() };
            let _ = self.pages.send(page); // the worker receives for as long as this exists
        }
    }
}

/// For each shard and worker, a channel that is closed when the worker has done all of the shard.
type Finished = HashMap<String, Vec<watch::Receiver<()>>>;

impl Stream {
    /// Reads the stream for ever.
    pub async fn run(self: Arc<Self>) -> Infallible {
        // A reader returns the id of its shard when it ends.
        let mut tasks: JoinSet<Option<String>> = JoinSet::new();
        let (mut finished, mut ended) = (Finished::new(), HashSet::new());
        let mut failures = 0;
        loop {
            let pause = match self.shards().await {
                Ok(shards) => {
                    failures = 0;
                    let listed: HashSet<&str> =
                        shards.iter().map(Shard::shard_id).map(Option::unwrap_or_default).collect();
                    for shard in &shards {
                        let id = shard.shard_id().unwrap_or_default();
                        let parent = shard.parent_shard_id().filter(|parent| listed.contains(parent));
                        let is_next = parent.is_none_or(|parent| ended.contains(parent));
                        if is_next && !finished.contains_key(id) {
                            self.clone().begin(id, parent, &mut finished, &mut tasks);
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

    /// Starts the tasks of a shard: one for each worker, and one that reads for all of them.
    fn begin(
        self: Arc<Self>,
        shard: &str,
        parent: Option<&str>,
        finished: &mut Finished,
        tasks: &mut JoinSet<Option<String>>,
    ) {
        let (mut subscribers, mut all_finished) = (Vec::new(), Vec::new());
        for (number, worker) in self.workers.iter().enumerate() {
            let (pages, receiver) = mpsc::unbounded_channel();
            let (finishing, is_finished) = watch::channel(());
            all_finished.push(is_finished);
            let before = parent.and_then(|parent| finished.get(parent)).map(|parent| parent[number].clone());
            let (taking, own) = (worker.clone(), shard.to_owned());
            tasks.spawn(async move {
                if let Some(mut before) = before {
                    while before.changed().await.is_ok() {}
                }
                taking.process(&own, receiver).await;
                drop(finishing);
                None
            });
            subscribers.push(Subscriber { done: worker.positions.of(shard), worker: worker.clone(), pages });
        }
        finished.insert(shard.to_owned(), all_finished);
        let shard = shard.to_owned();
        tasks.spawn(async move {
            self.read(&shard, subscribers).await;
            Some(shard)
        });
    }

    /// Reads a shard to its end. It begins at the earliest position of the subscribers, or at the shard's start if one of them
    /// has no position. An open shard has no end. The end in the shard's description is ignored, as dynoxide always gives one.
    async fn read(&self, shard: &str, subscribers: Vec<Subscriber>) {
        let done = subscribers.iter().map(|subscriber| &subscriber.done);
        let Some(mut read) = done.min_by_key(|done| done.as_deref().map(order)).cloned() else { return };
        let (mut iterator, mut failures) = (None, 0);
        loop {
            let current = match iterator.take() {
                Some(iterator) => iterator,
                None => match self.iterator(shard, read.as_deref()).await {
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
                // This includes an iterator that has expired. The next one begins at the same place.
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
                subscribers.iter().for_each(|subscriber| subscriber.send(&records, last));
            }
            iterator = page.next_shard_iterator;
            match (&iterator, last) {
                (None, _) => return,
                (Some(_), None) => sleep(POLL_EVERY).await,
                (Some(_), last) => read = last,
            }
        }
    }

    /// An iterator for the records after `read`. `None`: the shard has ended.
    async fn iterator(&self, shard: &str, read: Option<&str>) -> Result<Option<String>, String> {
        let from = |kind, sequence: Option<&str>| {
            let request = self.client.get_shard_iterator().stream_arn(&self.arn).shard_id(shard);
            request.shard_iterator_type(kind).set_sequence_number(sequence.map(str::to_owned)).send()
        };
        let answer = match read {
            None => from(ShardIteratorType::TrimHorizon, None).await,
            Some(read) => match from(ShardIteratorType::AfterSequenceNumber, Some(read)).await {
                Err(error) if is_trimmed(&error) => from(ShardIteratorType::TrimHorizon, None).await,
                answer => answer,
            },
        };
        answer.map(|answer| answer.shard_iterator).map_err(|error| DisplayErrorContext(error).to_string())
    }

    /// Returns how long to wait after a failed call. The first failure goes into the log of every worker's function.
    fn failed(&self, call: &str, error: &str, failures: &mut u32) -> Duration {
        *failures += 1;
        if *failures == 1 {
            self.workers.iter().for_each(|worker| worker.log(format!("{call} failed: {error}")));
        }
        batches::pause(*failures)
    }
}

/// Whether the requested position is no longer in the stream.
fn is_trimmed<R>(error: &SdkError<GetShardIteratorError, R>) -> bool {
    error.as_service_error().is_some_and(GetShardIteratorError::is_trimmed_data_access_exception)
}
