//! Lambda's event source mappings: they invoke functions with the changes of a table's stream.
//!
//! Each stream is read once for all of its mappings, and each mapping processes the records at its own pace. With a
//! `ParallelizationFactor`, only the changes of one item keep their order. Batching windows are ignored.

mod batches;
mod filter;
mod mapping;
mod positions;
mod progress;
mod record;
mod report;
mod stream;
mod worker;

pub use mapping::Mapping;

use crate::Error;
use crate::logs::Logs;
use crate::pool::Pool;
use crate::queues::Declared as Queue;
use crate::services::Services;
use crate::state::State;
use crate::tasks::Tasks;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use positions::Positions;
use std::collections::BTreeMap;
use std::sync::Arc;
use stream::Stream;
use worker::{Destination, Worker};

/// A mapping, its function, and its destination on failure.
pub struct Consumer {
    mapping: Mapping,
    pool: Arc<Pool>,
    destination: Option<Destination>,
}

/// Reads the streams of all `consumers` until the stack stops.
pub async fn follow(
    consumers: Vec<Consumer>,
    services: &Services,
    state: &State,
    logs: &Logs,
    tasks: &Tasks,
) -> Result<(), Error> {
    let mut streams: BTreeMap<String, Vec<Consumer>> = BTreeMap::new();
    for consumer in consumers {
        streams.entry(consumer.mapping.stream_arn.clone()).or_default().push(consumer);
    }
    for (named, consumers) in streams {
        let place = consumers.iter().map(Consumer::place).collect::<Vec<_>>().join(", ");
        let table = consumers.first().map_or("", |consumer| &consumer.mapping.table);
        let described = services.dynamodb().describe_table().table_name(table).send().await;
        let described = described.map_err(|error| Error::new(DisplayErrorContext(error).to_string()).within(&place))?;
        let arn = described.table.and_then(|described| described.latest_stream_arn);
        let arn = arn.ok_or_else(|| Error::new(format!("the table {table} has no stream")).within(&place))?;
        let workers = consumers.into_iter().map(|consumer| consumer.worker(&arn, state, logs).map(Arc::new));
        let workers = workers.collect::<Result<_, _>>()?;
        let stream = Arc::new(Stream { client: services.streams(), arn, named, workers });
        tasks.spawn(async move { match stream.run().await {} });
    }
    Ok(())
}

impl Consumer {
    /// Finds the destination of `mapping` among the template's `queues`.
    pub fn new(mapping: Mapping, pool: Arc<Pool>, queues: &[Queue], services: &Services) -> Result<Self, Error> {
        let mut consumer = Self { mapping, pool, destination: None };
        if let Some(arn) = &consumer.mapping.on_failure {
            let queue = queues.iter().find(|queue| queue.arn == *arn).ok_or_else(|| {
                Error::new(format!("DestinationConfig: the template has no queue {arn}")).within(consumer.place())
            })?;
            consumer.destination = Some(Destination { client: services.sqs(), queue_url: queue.url.clone() });
        }
        Ok(consumer)
    }

    fn place(&self) -> String {
        format!("{}: {}", self.pool.name(), self.mapping.name)
    }

    fn worker(self, stream: &str, state: &State, logs: &Logs) -> Result<Worker, Error> {
        let file = state.path(&format!("streams/{}.{}.json", self.pool.name(), self.mapping.name));
        let positions = Positions::open(file, stream).map_err(|error| error.within(self.place()))?;
        let Self { mapping, pool, destination } = self;
        Ok(Worker { mapping, pool, destination, positions, logs: logs.clone() })
    }
}
