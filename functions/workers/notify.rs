//! `notify`: decides who is told that something was written to them, and hands that over to the queues of mails and of pushes. The table's
//! stream wakes it.

use shared::{notifications::tell, prelude::*, store::StreamRecord};

async fn handle(app: &App, record: &StreamRecord) -> Result<(), StoreError> {
    tell(app, record).await
}

shared::worker!("notify", handle, 10 at once, queue, mails, pushes);
