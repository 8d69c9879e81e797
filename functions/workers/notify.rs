//! `notify`: tells people by mail and by push that something was written to them. The table's stream wakes it.

use shared::{notifications::notify, prelude::*, store::StreamRecord};

async fn handle(app: &App, record: &StreamRecord) -> Result<(), StoreError> {
    notify(app, record).await
}

shared::worker!("notify", handle, mail, push, queue, api_url);
