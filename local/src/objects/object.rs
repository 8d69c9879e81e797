//! One version of one object: what is known of it, with its bytes.

use std::time::{Duration, SystemTime};

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

/// One version of one object. Never changes: an upload to the same key makes another.
pub(super) struct Object {
    pub row: Row,
    pub body: Body,
}

/// What is known of an object, as it stands beside the bytes in a directory.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub address: Address,
    /// In bytes.
    pub size: u64,
    /// MD5 of the bytes, in hex.
    pub md5: String,
    /// To the second, as HTTP's dates are; else `If-Modified-Since` with our own `Last-Modified` would not match.
    pub modified: Timestamp,
    /// Which of the files at this address has the bytes.
    pub version: String,
    #[serde(flatten)]
    pub described: Described,
}

/// What the uploader said of an object, given back whenever it is read.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Described {
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_type: Option<String>,
    pub expires: Option<Timestamp>,
    pub metadata: Option<Metadata>,
}

impl Row {
    /// A row of an upload that is complete now.
    pub fn new(address: Address, version: String, size: u64, md5: String, described: Described) -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let modified = Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(now));
        Self { address, size, md5, modified, version, described }
    }

    /// A version that no other upload has.
    pub fn new_version() -> String {
        Uuid::new_v4().simple().to_string()
    }

    pub fn etag(&self) -> ETag {
        ETag::Strong(self.md5.clone())
    }
}

impl Described {
    /// As S3 keeps it: `aws-chunked` is how the request came and no property of the object, a missing type has a name,
    /// and metadata has a limit.
    pub fn normal(mut self) -> S3Result<Self> {
        let said: usize = self.metadata.iter().flatten().map(|(name, value)| name.len() + value.len()).sum();
        if said > MOST_METADATA {
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
