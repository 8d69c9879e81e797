//! The lines that functions print.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How many lines are kept. Older ones are dropped.
const KEPT: usize = 100_000;

/// One line that a function printed, or a line of the stack about an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The function's binary.
    pub function: Arc<str>,
    /// The line, without its end.
    pub text: String,
}

/// The last 100,000 log lines of the functions.
#[derive(Clone)]
pub struct Logs(Arc<Inner>);

struct Inner {
    lines: Mutex<Kept>,
    /// How many lines there were since the start.
    total: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Line>,
    dropped: u64,
}

impl Logs {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { lines: Mutex::default(), total: watch::Sender::new(0) }))
    }

    pub(crate) fn push(&self, function: &Arc<str>, text: String) {
        let mut kept = self.0.lines.lock();
        kept.lines.push_back(Line { function: function.clone(), text });
        if kept.lines.len() > KEPT {
            kept.lines.pop_front();
            kept.dropped += 1;
        }
        let total = kept.dropped + kept.lines.len() as u64;
        drop(kept);
        self.0.total.send_modify(|seen| *seen = total.max(*seen));
    }

    /// The lines so far, oldest first.
    pub fn lines(&self) -> Vec<Line> {
        self.0.lines.lock().lines.iter().cloned().collect()
    }

    /// The lines for which `wanted` is true, oldest first. Cheaper than [`Self::lines`] for whoever asks often: it copies only
    /// these.
    pub fn matching(&self, wanted: impl Fn(&Line) -> bool) -> Vec<Line> {
        self.0.lines.lock().lines.iter().filter(|line| wanted(line)).cloned().collect()
    }

    /// Waits for a line for which `wanted` is true. `None`: there was none within `deadline`.
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

    /// A reader that begins at the oldest line.
    pub fn reader(&self) -> Reader {
        Reader { logs: self.clone(), total: self.0.total.subscribe(), read: 0 }
    }
}

/// Reads the logs line by line.
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
            // `changed` fails only when the logs are gone, and we hold them.
            if !lines.is_empty() || self.total.changed().await.is_err() {
                return lines;
            }
        }
    }

    /// The lines since the last call. There may be none.
    pub fn unread(&mut self) -> Vec<Line> {
        let kept = self.logs.0.lines.lock();
        let skip = self.read.saturating_sub(kept.dropped) as usize;
        self.read = kept.dropped + kept.lines.len() as u64;
        kept.lines.iter().skip(skip).cloned().collect()
    }
}
