//! The address of an object: its bucket and its key.

use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// S3's limit on a key, in bytes of UTF-8.
const LONGEST_KEY: usize = 1024;

/// A bucket and a key, both as the client sent them.
///
/// No segment of a key is empty, `.` or `..`. Proxies and browsers resolve such segments, so `cards/../private` would
/// escape from the prefix `cards/` that a policy or a presigned URL allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Address {
    bucket: String,
    key: String,
}

impl Address {
    /// Errors: `KeyTooLongError`, `InvalidArgument`.
    pub fn parse(bucket: &str, key: &str) -> S3Result<Self> {
        if key.len() > LONGEST_KEY {
            return Err(s3_error!(KeyTooLongError, "Your key is too long"));
        }
        if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(s3_error!(InvalidArgument, "A segment of the key is empty, '.' or '..'"));
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// SHA-256 of the bucket, a NUL and the key. Files are named by it. A bucket's name has no NUL, so different addresses
    /// have different hashes.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::new().chain_update(&self.bucket).chain_update([0]).chain_update(&self.key).finalize().into()
    }
}
