//! Background tasks of the stack. All of them end when the stack stops.

use std::convert::Infallible;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Spawns background tasks. Cheap to clone.
#[derive(Clone)]
pub struct Tasks {
    token: CancellationToken,
    _running: mpsc::Sender<Infallible>,
}

/// Held by the stack. Dropping it cancels all tasks.
pub struct Shutdown {
    cancel: DropGuard,
    running: mpsc::Receiver<Infallible>,
}

impl Tasks {
    pub fn new() -> (Self, Shutdown) {
        let token = CancellationToken::new();
        let (_running, running) = mpsc::channel(1);
        let cancel = token.clone().drop_guard();
        (Self { token, _running }, Shutdown { cancel, running })
    }

    /// Runs `task` until it completes or the stack stops.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.clone();
        tokio::spawn(async move { tasks.token.run_until_cancelled(task).await });
    }

    /// Returns when the stack stops. The stack waits for whoever holds a clone of this.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Shutdown {
    /// Cancels all tasks and returns when the last clone of their [`Tasks`] is dropped.
    pub async fn finish(mut self) {
        drop(self.cancel);
        self.running.recv().await;
    }
}
