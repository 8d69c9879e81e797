//! How far a mapping has come in each shard of its stream, kept where the stack's state is.

use crate::Error;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sequence numbers of the last records that are done, by shard.
pub struct Positions {
    /// None for positions that are as passing as the table.
    file: Option<PathBuf>,
    stream: String,
    shards: Mutex<HashMap<String, String>>,
}

impl Positions {
    /// The positions in `stream` that `file` has; it is another stream when the table was made anew.
    pub fn open(file: Option<PathBuf>, stream: &str) -> Result<Self, Error> {
        let kept = match &file {
            Some(file) => read(file).map_err(|error| Error::of(format!("reading {}", file.display()), &error))?,
            None => HashMap::new(),
        };
        let shards = kept.into_iter().find(|(kept, _)| kept == stream).map(|(_, shards)| shards);
        Ok(Self { file, stream: stream.to_owned(), shards: Mutex::new(shards.unwrap_or_default()) })
    }

    /// The last record of `shard` that is done.
    pub fn of(&self, shard: &str) -> Option<String> {
        self.lock().get(shard).cloned()
    }

    /// Everything in `shard` up to `sequence` is done.
    pub fn advance(&self, shard: &str, sequence: &str) {
        let mut shards = self.lock();
        shards.insert(shard.to_owned(), sequence.to_owned());
        if let Some(file) = &self.file {
            let kept = serde_json::json!({ &self.stream: *shards }).to_string();
            let _ = write(file, &kept); // then some records come twice after a restart, which they may at any time
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sequence number as it is compared: a number of any length.
pub fn place(sequence: &str) -> (usize, &str) {
    let digits = sequence.trim_start_matches('0');
    (digits.len(), digits)
}

fn read(file: &Path) -> std::io::Result<HashMap<String, HashMap<String, String>>> {
    match std::fs::read(file) {
        Ok(kept) => Ok(serde_json::from_slice(&kept)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashMap::new()),
        Err(error) => Err(error),
    }
}

/// Whole or not at all.
fn write(file: &Path, kept: &str) -> std::io::Result<()> {
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let unfinished = file.with_extension("new");
    std::fs::write(&unfinished, kept)?;
    std::fs::rename(unfinished, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_compared_as_numbers() {
        let ordered = [
            "0",
            "9",
            "10",
            "0011",
            "100000000000000000000000000000000000009",
            "200000000000000000000000000000000000000",
        ];
        assert!(ordered.is_sorted_by_key(|sequence| place(sequence)));
        assert!(place("007") == place("7") && None < Some(place("0")));
    }
}
