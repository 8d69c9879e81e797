//! `send-push`: pushes to somebody's browsers that something was written to them. The queue of pushes wakes it.

use shared::{
    http::{NotDone, Outcome},
    notifications::{PushTask, send_pushes},
    prelude::*,
};

async fn handle(app: &App, task: &PushTask) -> Result<Outcome, NotDone> {
    send_pushes(app, task).await
}

shared::task_worker!("send-push", handle, pushes, push);
