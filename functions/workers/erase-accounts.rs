//! `erase-accounts`: goes on with the deletion of accounts where their requests stopped, woken by the table's stream.

use std::time::{Duration, Instant};

use shared::{
    erasing::erase_some,
    prelude::*,
    store::{Erasure, StreamRecord},
};

/// What is not erased by then is left to the next try, well before the function's own time-out.
const PATIENCE: Duration = Duration::from_secs(40);

async fn handle(app: &App, record: &StreamRecord) -> Result<(), StoreError> {
    let started = Instant::now();
    let Some(erasure) = Erasure::of(record) else { return Ok(()) };
    while erase_some(app, &erasure).await? {
        if started.elapsed() > PATIENCE {
            return Err(StoreError::more_to_do());
        }
    }
    Ok(())
}

shared::worker!("erase-accounts", handle);
