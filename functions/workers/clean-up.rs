//! `clean-up`: ends what requests had to leave, woken by the table's stream: goes on with the deletion of accounts where they
//! stopped, and removes objects that became no message's.

use std::time::{Duration, Instant};

use shared::{
    erasing::erase_some,
    prelude::*,
    store::{Erasure, OrphanedMedia, StreamRecord},
};

/// What is not erased by then is left to the next try. Even with a last step that the store lets down (8 seconds) that is less than
/// the frame wants left for a record: no account, however big, runs the records of a batch into the function's time-out.
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
