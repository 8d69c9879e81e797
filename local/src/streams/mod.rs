//! Functions on a table's stream: Lambda's event source mappings.
//!
//! A stream is looked at once for all of its mappings; each takes what it is told at its own pace. With a
//! `ParallelizationFactor`, only the changes of one item come in their order. Batching windows are not waited for.

mod batches;
mod failure;
mod filter;
mod follower;
mod mapping;
mod positions;
mod progress;
mod record;
mod stream;

pub use mapping::Mapping;

use crate::life::Life;
use crate::logs::Logs;
use crate::pool::Pool;
use crate::queues::Declared as Queue;
use crate::stores::Stores;
use crate::{Error, State};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use follower::{Destination, Follower};
use positions::Positions;
use std::collections::BTreeMap;
use std::sync::Arc;
use stream::Stream;

/// A mapping, and where what it takes goes.
pub struct Consumer {
    mapping: Mapping,
    pool: Arc<Pool>,
    /// What is told of what was given up.
    destination: Option<Destination>,
}

/// Follows the streams of all `consumers` until `life` ends.
pub async fn follow(
    consumers: Vec<Consumer>,
    stores: &Stores,
    state: &State,
    logs: &Logs,
    life: &Life,
) -> Result<(), Error> {
    let mut streams: BTreeMap<String, Vec<Consumer>> = BTreeMap::new();
    for consumer in consumers {
        streams.entry(consumer.mapping.stream_arn.clone()).or_default().push(consumer);
    }
    for (named, consumers) in streams {
        let place = consumers.iter().map(Consumer::place).collect::<Vec<_>>().join(", ");
        let table = consumers.first().map_or("", |consumer| &consumer.mapping.table);
        let described = stores.dynamodb().describe_table().table_name(table).send().await;
        let described = described.map_err(|error| Error::new(DisplayErrorContext(error).to_string()).within(&place))?;
        let arn = described.table.and_then(|described| described.latest_stream_arn);
        let arn = arn.ok_or_else(|| Error::new(format!("the table {table} has no stream")).within(&place))?;
        let followers = consumers.into_iter().map(|consumer| consumer.follower(&arn, state, logs).map(Arc::new));
        let followers = followers.collect::<Result<_, _>>()?;
        let (stream, life) = (Stream { client: stores.streams(), arn, named, followers }, life.clone());
        tokio::spawn(async move {
            tokio::select! {
                never = Arc::new(stream).run() => match never {},
                () = life.ended() => {}
            }
        });
    }
    Ok(())
}

impl Consumer {
    /// One of the template's `queues` is told of what `mapping` gives up, if it says so.
    pub fn new(mapping: Mapping, pool: Arc<Pool>, queues: &[Queue], stores: &Stores) -> Result<Self, Error> {
        let mut consumer = Self { mapping, pool, destination: None };
        if let Some(arn) = &consumer.mapping.on_failure {
            let queue = queues.iter().find(|queue| queue.arn == *arn).ok_or_else(|| {
                Error::new(format!("DestinationConfig: the template has no queue {arn}")).within(consumer.place())
            })?;
            consumer.destination = Some(Destination { client: stores.sqs(), queue_url: queue.url.clone() });
        }
        Ok(consumer)
    }

    fn place(&self) -> String {
        format!("{}: {}", self.pool.name(), self.mapping.name)
    }

    fn follower(self, stream: &str, state: &State, logs: &Logs) -> Result<Follower, Error> {
        let file = match state {
            State::Memory => None,
            State::Directory(directory) => {
                Some(directory.join("streams").join(format!("{}.{}.json", self.pool.name(), self.mapping.name)))
            }
        };
        let positions = Positions::open(file, stream).map_err(|error| error.within(self.place()))?;
        let Self { mapping, pool, destination } = self;
        Ok(Follower { mapping, pool, destination, positions, logs: logs.clone() })
    }
}
