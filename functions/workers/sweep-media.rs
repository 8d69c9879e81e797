//! `sweep-media`: removes objects that became no message's, where the request that made them could not, woken by the table's stream.

use shared::{
    prelude::*,
    store::{StreamRecord, Sweep},
};

async fn handle(app: &App, record: &StreamRecord) -> Result<(), StoreError> {
    match Sweep::of(record) {
        Some(Sweep { conversation, set }) => app.attachments.remove(conversation, set).await,
        None => Ok(()),
    }
}

shared::worker!("sweep-media", handle);
