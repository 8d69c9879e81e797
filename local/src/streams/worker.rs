//! A worker invokes the function of a mapping with each record that the filter matches, in order, until the record is done
//! or discarded.

use super::batches::{self, Batch, Failed, Outcome};
use super::mapping::Mapping;
use super::positions::Positions;
use super::progress::Progress;
use super::record::Record;
use super::report::{self, Condition};
use crate::logs::Logs;
use crate::pool::Pool;
use aws_sdk_sqs::error::DisplayErrorContext;
use futures_util::future::join_all;
use parking_lot::Mutex;
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::sleep;

/// Processes the records of one mapping.
pub struct Worker {
    pub mapping: Mapping,
    pub pool: Arc<Pool>,
    pub destination: Option<Destination>,
    pub positions: Positions,
    pub logs: Logs,
}

/// The queue that gets a report of discarded records.
pub struct Destination {
    pub client: aws_sdk_sqs::Client,
    pub queue_url: String,
}

/// The records of a shard since the last page.
pub struct Page {
    /// The records that the mapping's filter matches.
    pub records: Vec<Record>,
    /// The sequence number of the last record, whether it matches or not.
    pub last: String,
}

/// A shard, and how far it is done.
struct Shard<'s> {
    id: &'s str,
    progress: Mutex<Progress>,
}

fn sequences(records: &[Record]) -> impl Iterator<Item = &str> {
    records.iter().map(|record| record.sequence.as_str())
}

impl Worker {
    /// Processes a shard's pages to the last one. The changes of one item always go through the same lane.
    pub async fn process(&self, shard: &str, mut pages: UnboundedReceiver<Page>) {
        let shard = Shard { id: shard, progress: Mutex::default() };
        let (dealt, lanes): (Vec<_>, Vec<_>) = (0..self.mapping.lanes).map(|_| mpsc::unbounded_channel()).unzip();
        let deal = async {
            while let Some(Page { records, last }) = pages.recv().await {
                records.iter().for_each(|record| shard.progress.lock().expect(&record.sequence));
                if records.last().is_none_or(|record| record.sequence != last) {
                    self.done(&shard, [last.as_str()]);
                }
                for record in records {
                    let lane = &dealt[record.item as usize % dealt.len()];
                    let _ = lane.send(record); // the lanes are open for as long as this future runs
                }
            }
            drop(dealt);
        };
        tokio::join!(deal, join_all(lanes.into_iter().map(|lane| self.work(&shard, lane))));
    }

    /// Processes the records of a lane. Records that arrive during an invocation go into the next batches together.
    async fn work(&self, shard: &Shard<'_>, mut lane: UnboundedReceiver<Record>) {
        let mut records = Vec::new();
        while lane.recv_many(&mut records, usize::MAX).await > 0 {
            self.invoke_all(shard, std::mem::take(&mut records)).await;
        }
    }

    /// Marks these records as done.
    fn done<'r>(&self, shard: &Shard<'_>, sequences: impl IntoIterator<Item = &'r str>) {
        // The lock is held until the position is written, so positions are written in their order.
        let mut progress = shard.progress.lock();
        if let Some(position) = progress.done(sequences) {
            self.positions.advance(shard.id, &position);
        }
    }

    /// Invokes the function with the records until all are done or discarded, by the mapping's rules.
    async fn invoke_all(&self, shard: &Shard<'_>, records: Vec<Record>) {
        let Mapping { rules, batch_size, .. } = &self.mapping;
        let mut ahead = batches::batches(records, *batch_size);
        ahead.reverse(); // the next batch is the last element
        let mut failures = 0;
        while let Some(mut batch) = ahead.pop() {
            if let Some(too_old) = batch.take_too_old(rules, OffsetDateTime::now_utc().unix_timestamp()) {
                self.discard(shard, too_old, Condition::TooOld).await;
            }
            if batch.records.is_empty() {
                continue;
            }
            let Outcome::FailedFrom(from) = self.invoke(&mut batch).await else {
                failures = 0;
                self.done(shard, sequences(&batch.records));
                continue;
            };
            failures = if from > 0 { 1 } else { failures + 1 };
            self.done(shard, sequences(&batch.records[..from]));
            match batch.failed(from, rules) {
                Failed::Again(again) => {
                    ahead.extend(again.into_iter().rev());
                    sleep(batches::pause(failures)).await;
                }
                Failed::Discarded(batch) => self.discard(shard, batch, Condition::FailedTooOften).await,
            }
        }
    }

    async fn invoke(&self, batch: &mut Batch) -> Outcome {
        let request_id: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        let answer = self.pool.permit().await.invoke(&request_id, batch.event().into()).await;
        batch.attempts.add(request_id, answer.is_ok());
        match answer {
            Ok(answer) => batch.outcome(&answer, &self.mapping.rules),
            Err(_) => Outcome::FailedFrom(0), // the pool has logged the reason
        }
    }

    /// Discards records: logs that, and sends a report to the destination. Neither contains data of the records.
    async fn discard(&self, shard: &Shard<'_>, batch: Batch, why: Condition) {
        let count = batch.records.len();
        self.log(format!("discarded {count} of the stream's records: {}", why.in_words()));
        if let Some(Destination { client, queue_url }) = &self.destination {
            let report = report::report(&batch, &self.mapping, shard.id, why, OffsetDateTime::now_utc()).to_string();
            // As in Lambda, a report that can't be sent is lost.
            if let Err(error) = client.send_message().queue_url(queue_url).message_body(report).send().await {
                self.log(format!("SendMessage failed: {}", DisplayErrorContext(error)));
            }
        }
        self.done(shard, sequences(&batch.records));
    }

    /// Adds a line to the log of the function.
    pub fn log(&self, text: String) {
        self.logs.push(&self.pool.name().into(), format!("{}: {text}", self.mapping.name));
    }
}
