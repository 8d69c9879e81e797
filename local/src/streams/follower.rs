//! A mapping at work: each record that it wants to the function, in order, until it is done or given up.

use super::batches::{self, Batch, Failed, Outcome};
use super::failure::{self, Condition};
use super::mapping::Mapping;
use super::positions::Positions;
use super::progress::Progress;
use super::record::Record;
use crate::logs::Logs;
use crate::pool::Pool;
use aws_sdk_sqs::error::DisplayErrorContext;
use futures_util::future::join_all;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use time::OffsetDateTime;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::sleep;

/// What a mapping needs for its work.
pub struct Follower {
    pub mapping: Mapping,
    pub pool: Arc<Pool>,
    pub destination: Option<Destination>,
    pub positions: Positions,
    pub logs: Logs,
}

/// A queue that is told of what was given up.
pub struct Destination {
    pub client: aws_sdk_sqs::Client,
    pub queue_url: String,
}

/// What a shard has had since the last page.
pub struct Page {
    /// Those of its records that the mapping wants.
    pub records: Vec<Record>,
    /// The last record of all.
    pub last: String,
}

/// A shard that is worked on.
struct Work<'s> {
    shard: &'s str,
    progress: Mutex<Progress>,
}

impl Work<'_> {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sequences(records: &[Record]) -> impl Iterator<Item = &str> {
    records.iter().map(|record| record.sequence.as_str())
}

impl Follower {
    /// Takes a shard's pages until there is no other, the changes of an item always in the same lane.
    pub async fn take(&self, shard: &str, mut pages: UnboundedReceiver<Page>) {
        let shard = Work { shard, progress: Mutex::default() };
        let (dealt, lanes): (Vec<_>, Vec<_>) = (0..self.mapping.lanes).map(|_| mpsc::unbounded_channel()).unzip();
        let deal = async {
            while let Some(Page { records, last }) = pages.recv().await {
                records.iter().for_each(|record| shard.progress().expect(&record.sequence));
                if records.last().is_none_or(|record| record.sequence != last) {
                    self.done(&shard, [last.as_str()]);
                }
                for record in records {
                    let lane = &dealt[record.item as usize % dealt.len()];
                    let _ = lane.send(record); // the lanes are open for as long as this is
                }
            }
            drop(dealt);
        };
        tokio::join!(deal, join_all(lanes.into_iter().map(|lane| self.work(&shard, lane))));
    }

    /// Does what comes in a lane. What has come meanwhile is done together.
    async fn work(&self, shard: &Work<'_>, mut lane: UnboundedReceiver<Record>) {
        let mut records = Vec::new();
        while lane.recv_many(&mut records, usize::MAX).await > 0 {
            self.hand_over(shard, std::mem::take(&mut records)).await;
        }
    }

    /// These records need nothing more.
    fn done<'r>(&self, shard: &Work<'_>, sequences: impl IntoIterator<Item = &'r str>) {
        // Kept before the next record is: what is written last is how far it is.
        let mut progress = shard.progress();
        if let Some(position) = progress.done(sequences) {
            self.positions.advance(shard.shard, &position);
        }
    }

    /// Has the function take all the records, or gives them up, as the mapping's rules say.
    async fn hand_over(&self, shard: &Work<'_>, records: Vec<Record>) {
        let Mapping { rules, batch_size, .. } = &self.mapping;
        let mut ahead = batches::batches(records, *batch_size);
        ahead.reverse(); // the next one is the last
        let mut failures = 0;
        while let Some(mut batch) = ahead.pop() {
            if let Some(outdated) = batch.outdated(rules, OffsetDateTime::now_utc().unix_timestamp()) {
                self.give_up(shard, outdated, Condition::TooOld).await;
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
                Failed::GivenUp(batch) => self.give_up(shard, batch, Condition::FailedTooOften).await,
            }
        }
    }

    async fn invoke(&self, batch: &mut Batch) -> Outcome {
        let request_id: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        let answer = self.pool.turn().await.invoke(&request_id, batch.event().into()).await;
        batch.tries.add(request_id, answer.is_ok());
        match answer {
            Ok(answer) => batch.outcome(&answer, &self.mapping.rules),
            Err(_) => Outcome::FailedFrom(0), // the pool has said why
        }
    }

    /// Says that nobody will take these records, and nothing of what is in them.
    async fn give_up(&self, shard: &Work<'_>, batch: Batch, why: Condition) {
        let count = batch.records.len();
        self.say(format!("gave up {count} of the stream's records: {}", why.in_words()));
        if let Some(Destination { client, queue_url }) = &self.destination {
            let told = failure::report(&batch, &self.mapping, shard.shard, why, OffsetDateTime::now_utc()).to_string();
            // Like Lambda, which doesn't wait either for a queue that it can't reach.
            if let Err(error) = client.send_message().queue_url(queue_url).message_body(told).send().await {
                self.say(format!("SendMessage failed: {}", DisplayErrorContext(error)));
            }
        }
        self.done(shard, sequences(&batch.records));
    }

    /// Says something in the log of the function.
    pub fn say(&self, text: String) {
        self.logs.push(&self.pool.name().into(), format!("{}: {text}", self.mapping.name));
    }
}
