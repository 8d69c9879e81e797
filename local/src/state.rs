//! Where the stack keeps its state.

use std::path::PathBuf;

/// Where tables, objects, queues and secrets are kept.
#[derive(Clone, Debug)]
pub enum State {
    /// In this process. With an external DynamoDB or SQS, in tables and queues that are deleted when the stack stops.
    Memory,
    /// In a directory, for one stack at a time. The directory is created if it is missing.
    Directory(PathBuf),
}

impl State {
    /// The path of `name` in the data directory. `None`: nothing is written to disk.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Memory => None,
            Self::Directory(directory) => Some(directory.join(name)),
        }
    }
}
