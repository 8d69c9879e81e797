//! One version of one object: its metadata and its bytes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use s3s::{
    S3Result,
    dto::{ETag, Metadata, Timestamp},
    s3_error,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{address::Address, body::Body};

/// S3's limit on the names and values of user metadata together, in bytes.
const MOST_METADATA: usize = 2048;

/// The current objects of a bucket by key. They are sorted by the bytes of their keys, as in S3's lists.
pub(super) type Bucket = BTreeMap<String, Arc<Object>>;

/// One version of one object. It never changes: an upload to the same key makes a new version.
pub(super) struct Object {
    pub row: Row,
    pub body: Body,
}

/// The metadata of an object. In a directory it has a file of its own.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub address: Address,
    /// In bytes.
    pub size: u64,
    /// MD5 of the bytes, in hex.
    pub md5: String,
    /// In whole seconds, as dates in HTTP. Otherwise `If-Modified-Since` with our own `Last-Modified` would not match.
    pub modified: Timestamp,
    /// Names the file with the bytes.
    pub version: String,
    #[serde(flatten)]
    pub headers: Headers,
}

/// The headers of the upload that are returned when the object is read.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Headers {
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_type: Option<String>,
    pub expires: Option<Timestamp>,
    pub metadata: Option<Metadata>,
}

impl Row {
    /// The row of an upload that has just been completed.
    pub fn new(address: Address, version: String, size: u64, md5: String, headers: Headers) -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let modified = Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(now));
        Self { address, size, md5, modified, version, headers }
    }

    /// A new, unique version.
    pub fn new_version() -> String {
        Uuid::new_v4().simple().to_string()
    }

    pub fn etag(&self) -> ETag {
        ETag::Strong(self.md5.clone())
    }
}

impl Headers {
    /// The headers as S3 stores them. `aws-chunked` is removed, as it is the encoding of the request only. A missing type
    /// gets its default. Too much metadata is refused.
    pub fn normalised(mut self) -> S3Result<Self> {
        let length: usize = self.metadata.iter().flatten().map(|(name, value)| name.len() + value.len()).sum();
        if length > MOST_METADATA {
            return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
        }
        self.content_encoding = self.content_encoding.as_deref().and_then(without_aws_chunked);
        self.content_type.get_or_insert_with(|| "binary/octet-stream".to_owned());
        Ok(self)
    }
}

fn without_aws_chunked(encodings: &str) -> Option<String> {
    let kept: Vec<_> = encodings.split(',').map(str::trim).filter(|e| !matches!(*e, "" | "aws-chunked")).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}
