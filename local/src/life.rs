//! How everything that the stack spawns ends with it, and how the stack knows that it has.

use std::convert::Infallible;
use tokio::sync::{mpsc, watch};

/// Held by the stack. When it is dropped, every [`Life`] made with it ends.
pub struct Owner {
    end: watch::Sender<()>,
    alive: mpsc::Receiver<Infallible>,
}

/// Held by every task of the stack until it is done.
#[derive(Clone)]
pub struct Life {
    end: watch::Receiver<()>,
    _alive: mpsc::Sender<Infallible>,
}

/// A new life and its owner.
pub fn begin() -> (Owner, Life) {
    let (end, ended) = watch::channel(());
    let (alive, all_gone) = mpsc::channel(1);
    (Owner { end, alive: all_gone }, Life { end: ended, _alive: alive })
}

impl Owner {
    /// Ends the life and returns when nobody holds it any more.
    pub async fn end(mut self) {
        drop(self.end);
        self.alive.recv().await;
    }
}

impl Life {
    /// Returns when the stack stops, or was dropped.
    pub async fn ended(&self) {
        let mut end = self.end.clone();
        while end.changed().await.is_ok() {}
    }
}
