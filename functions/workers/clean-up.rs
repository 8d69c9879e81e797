//! `clean-up`: a worker on the table's stream. It goes on with deletions of accounts where requests stopped, closes accounts for
//! operators, and removes objects that belong to no message.

use std::time::{Duration, Instant};

use shared::{
    accounts::erase_some,
    prelude::*,
    store::{Closure, Erasure, OrphanedMedia, StreamRecord},
};

/// After this time the record fails and is delivered again. Even with a last step that takes the longest time (8 seconds), this
/// is less than the time that the frame reserves for a record. So even a huge account can't run a batch into the function's
/// time-out.
const PATIENCE: Duration = Duration::from_secs(15);

async fn handle(app: &App, record: &StreamRecord) -> Result<(), StoreError> {
    if let Some(erasure) = Erasure::of(record) {
        return erase(app, &erasure).await;
    }
    if let Some(closure) = Closure::of(record) {
        return close(app, &closure).await;
    }
    match OrphanedMedia::of(record) {
        Some(OrphanedMedia { conversation, set }) => app.attachments.remove(conversation, set).await,
        None => Ok(()),
    }
}

/// Closes an account by the same transaction as its user would. The erasure that this writes wakes the worker again.
async fn close(app: &App, closure: &Closure) -> Result<(), StoreError> {
    if let Some(account) = app.store.account(closure.user_id).await? {
        let address = app.tokens.email_hash(&account.email);
        if app.store.close_account(&account, &address, Timestamp::now()).await?.is_none() {
            return Err(StoreError::Busy("the account changed while it was closed"));
        }
    }
    app.store.forget_closure(closure).await
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
