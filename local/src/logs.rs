//! What the functions print.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How many lines are kept; older ones are forgotten.
const KEPT: usize = 100_000;

/// One line that a function printed, or that the stack says about one of its invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The function's binary.
    pub function: Arc<str>,
    /// The line, without its end.
    pub text: String,
}

/// Every log line of the functions so far (the last 100,000), and a way to wait for one.
#[derive(Clone)]
pub struct Logs(Arc<Inner>);

struct Inner {
    lines: Mutex<Kept>,
    /// How many lines there have ever been.
    total: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Line>,
    forgotten: u64,
}

impl Logs {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { lines: Mutex::default(), total: watch::Sender::new(0) }))
    }

    pub(crate) fn push(&self, function: &Arc<str>, text: String) {
        let mut kept = self.lock();
        kept.lines.push_back(Line { function: function.clone(), text });
        if kept.lines.len() > KEPT {
            kept.lines.pop_front();
            kept.forgotten += 1;
        }
        let total = kept.forgotten + kept.lines.len() as u64;
        drop(kept);
        self.0.total.send_modify(|seen| *seen = total.max(*seen));
    }

    /// The lines so far, oldest first.
    pub fn lines(&self) -> Vec<Line> {
        self.lock().lines.iter().cloned().collect()
    }

    /// The first line for which `wanted` is true, as soon as there is one; `None` when there is none within `deadline`.
    pub async fn wait(&self, wanted: impl Fn(&Line) -> bool, deadline: Duration) -> Option<String> {
        let mut reader = self.reader();
        let found = async {
            loop {
                if let Some(line) = reader.next().await.into_iter().find(&wanted) {
                    return line.text;
                }
            }
        };
        tokio::time::timeout(deadline, found).await.ok()
    }

    /// Reads the lines from the first one that is kept.
    pub fn reader(&self) -> Reader {
        Reader { logs: self.clone(), total: self.0.total.subscribe(), read: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the logs.
pub struct Reader {
    logs: Logs,
    total: watch::Receiver<u64>,
    read: u64,
}

impl Reader {
    /// The lines since the last call; waits until there is at least one.
    pub async fn next(&mut self) -> Vec<Line> {
        loop {
            self.total.borrow_and_update();
            let lines = self.unread();
            // The sender lives as long as the logs, so this can't fail while we hold them.
            if !lines.is_empty() || self.total.changed().await.is_err() {
                return lines;
            }
        }
    }

    /// The lines since the last call, which may be none.
    pub fn unread(&mut self) -> Vec<Line> {
        let kept = self.logs.lock();
        let skip = self.read.saturating_sub(kept.forgotten) as usize;
        self.read = kept.forgotten + kept.lines.len() as u64;
        kept.lines.iter().skip(skip).cloned().collect()
    }
}
