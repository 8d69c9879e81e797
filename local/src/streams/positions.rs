//! The positions of a mapping in the shards of its stream. They are kept in the data directory.

use crate::Error;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// For each shard, the sequence number up to which all records are done.
pub struct Positions {
    /// `None`: the positions are in memory, as the table is.
    file: Option<PathBuf>,
    stream: String,
    shards: Mutex<HashMap<String, String>>,
}

impl Positions {
    /// Reads the positions in `stream` from `file`. A table that was created anew has another stream.
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
        self.shards.lock().get(shard).cloned()
    }

    /// Records that everything in `shard` up to `sequence` is done.
    pub fn advance(&self, shard: &str, sequence: &str) {
        let mut shards = self.shards.lock();
        shards.insert(shard.to_owned(), sequence.to_owned());
        if let Some(file) = &self.file {
            let kept = serde_json::json!({ &self.stream: *shards }).to_string();
            // If this fails, some records come again after a restart. Functions must expect that at any time.
            let _ = write(file, &kept);
        }
    }
}

/// The sort key of a sequence number, which is a number of any length.
pub fn order(sequence: &str) -> (usize, &str) {
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

/// Replaces the file as a whole.
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
        assert!(ordered.is_sorted_by_key(|sequence| order(sequence)));
        assert!(order("007") == order("7") && None < Some(order("0")));
    }
}
