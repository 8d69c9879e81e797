//! `clean-up`: a worker on the table's stream. It goes on with deletions of accounts where requests stopped, and removes objects
//! that belong to no message.

use std::time::{Duration, Instant};

use shared::{
    accounts::erase_some,
    prelude::*,
    store::{Erasure, OrphanedMedia, StreamRecord},
};

/// After this time the record fails and is delivered again. Even with a last step that takes the longest time (8 seconds), this
/// is less than the time that the frame reserves for a record. So even a huge account can't run a batch into the function's
/// time-out.
const PATIENCE: Duration = Duration::from_secs(15);

async fn handle(app: &App, record: &StreamRecord) -> Result<(), StoreError> {
    if let Some(erasure) = Erasure::of(record) {
        return erase(app, &erasure).await;
    }
    match OrphanedMedia::of(record) {
        Some(OrphanedMedia { conversation, set }) => app.attachments.remove(conversation, set).await,
        None => Ok(()),
    }
}

async fn erase(app: &App, erasure: &Erasure) -> Result<(), StoreError> {
    let started = Instant::now();
    while erase_some(app, erasure).await? {
        if started.elapsed() > PATIENCE {
            return Err(StoreError::MoreToDo);
        }
    }
    Ok(())
}

shared::worker!("clean-up", handle);
