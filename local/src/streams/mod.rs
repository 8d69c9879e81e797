//! Functions on a table's stream: Lambda's event source mappings.
//!
//! Batching windows are not waited for, and one shard's batches go to the function one after another, whatever
//! `ParallelizationFactor` says: that is an order that Lambda keeps too.

mod batches;
mod filter;
mod mapping;
mod positions;
mod record;
mod shards;

pub use mapping::Mapping;

use crate::life::Life;
use crate::logs::Logs;
use crate::pool::Pool;
use crate::stores::Stores;
use crate::{Error, State};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use positions::Positions;
use shards::Follower;
use std::sync::Arc;

/// Follows the stream that `mapping` names on behalf of the function of `pool`, until `life` ends.
pub async fn follow(
    mapping: Mapping,
    pool: Arc<Pool>,
    stores: &Stores,
    state: &State,
    logs: Logs,
    life: Life,
) -> Result<(), Error> {
    let place = format!("{}: {}", pool.name(), mapping.name);
    let described = stores.dynamodb().describe_table().table_name(&mapping.table).send().await;
    let described = described.map_err(|error| Error::new(DisplayErrorContext(error).to_string()).within(&place))?;
    let arn = described.table.and_then(|table| table.latest_stream_arn);
    let arn = arn.ok_or_else(|| Error::new(format!("the table {} has no stream", mapping.table)).within(&place))?;
    let file = match state {
        State::Memory => None,
        State::Directory(directory) => {
            Some(directory.join("streams").join(format!("{}.{}.json", pool.name(), mapping.name)))
        }
    };
    let positions = Positions::open(file, &arn).map_err(|error| error.within(place))?;
    let follower = Follower { client: stores.streams(), arn, mapping, pool, positions, logs };
    tokio::spawn(async move {
        tokio::select! {
            never = Arc::new(follower).run() => match never {},
            () = life.ended() => {}
        }
    });
    Ok(())
}
