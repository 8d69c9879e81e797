//! The bucket: the few calls to S3 that cards and media make, each counted, bounded in time and understood in one place.

pub mod attachments;
pub mod cards;

use std::{
    borrow::Cow,
    ops::Range,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_sdk_s3::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
    error::ProvideErrorMetadata,
    presigning::PresigningConfig,
    primitives::{ByteStream, ByteStreamError},
    types::{Delete, MetadataDirective, ObjectIdentifier},
};
use bytes::Bytes;

use crate::{aws::AwsClients, config::Config, error::StoreError, stats::RequestStats};

/// How long a call may take that moves up to 200 MiB within S3, or 16 MiB to it.
const LONG: Duration = Duration::from_secs(14);

pub struct Bucket {
    /// Made at the first use: most functions have none.
    client: OnceLock<Client>,
    clients: AwsClients,
    endpoint: Option<String>,
    pub name: String,
    pub stats: Arc<RequestStats>,
}

/// Part of an object, and what the store says of the whole.
#[derive(Default)]
pub struct Part {
    pub bytes: Bytes,
    /// Of the whole, in bytes.
    pub size: u64,
    pub etag: String,
    pub content_type: String,
    pub content_disposition: Option<String>,
}

/// How an object is stored.
pub struct Described {
    pub content_type: String,
    pub content_disposition: Option<String>,
}

impl Bucket {
    pub fn new(clients: AwsClients, config: &Config, stats: Arc<RequestStats>) -> Self {
        let (endpoint, name) = (config.aws.s3_endpoint.clone(), config.bucket.clone());
        Self { client: OnceLock::new(), clients, endpoint, name, stats }
    }

    pub fn client(&self) -> &Client {
        self.client.get_or_init(|| self.clients.s3(self.endpoint.clone()))
    }

    /// Some bytes of the object, as it was at `etag`; `None` when there is no such object, or none of these bytes. S3
    /// answers 403 for an absent object if the caller may not list the bucket.
    pub async fn read(&self, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Option<Part>, StoreError> {
        let call = self
            .client()
            .get_object()
            .bucket(&self.name)
            .key(key)
            .range(format!("bytes={}-{}", range.start, range.end - 1))
            .set_if_match(etag.map(str::to_owned));
        let got = self
            .stats
            .call(&["s3:GetObject"], async {
                let output = match call.send().await {
                    Ok(output) => output,
                    Err(error) => match error.raw_response().map(|raw| raw.status().as_u16()) {
                        // An empty object has no first byte.
                        Some(416) if range.start == 0 => return Ok(Part::default()),
                        Some(403 | 404 | 412 | 416) => return Err(None),
                        _ => return Err(Some(StoreError::call("GetObject", error))),
                    },
                };
                let size = output.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
                let (etag, content_type) = (output.e_tag.unwrap_or_default(), output.content_type.unwrap_or_default());
                let content_disposition = output.content_disposition;
                let broken = |error: ByteStreamError| {
                    let (operation, reason) = ("GetObject", "the object could not be read".into());
                    Some(StoreError::Call { operation, reason, source: Some(error.into()) })
                };
                let bytes = output.body.collect().await.map_err(broken)?.into_bytes();
                let size = size.unwrap_or(bytes.len() as u64);
                Ok(Part { bytes, size, etag, content_type, content_disposition })
            })
            .await;
        match got {
            Ok(part) => Ok(Some(part)),
            Err(None) => Ok(None),
            Err(Some(error)) => Err(error),
        }
    }

    /// Copies the object that `from` was at `etag`, within S3; `false` when it is no longer that one.
    pub async fn copy(&self, from: &str, etag: &str, to: &str, described: Described) -> Result<bool, StoreError> {
        let call = self
            .client()
            .copy_object()
            .bucket(&self.name)
            .copy_source(format!("{}/{from}", self.name))
            .copy_source_if_match(etag)
            .key(to)
            .metadata_directive(MetadataDirective::Replace)
            .content_type(described.content_type)
            .set_content_disposition(described.content_disposition)
            .customize()
            .config_override(patient());
        match self.stats.call(&["s3:GetObject", "s3:PutObject"], call.send()).await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.code(), Some("PreconditionFailed" | "NoSuchKey" | "AccessDenied")) => {
                Ok(false)
            }
            Err(error) => Err(StoreError::call("CopyObject", error)),
        }
    }

    pub async fn put(&self, key: &str, bytes: Bytes, described: Described) -> Result<(), StoreError> {
        let call = self
            .client()
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(described.content_type)
            .set_content_disposition(described.content_disposition)
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(patient());
        match self.stats.call(&["s3:PutObject"], call.send()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::call("PutObject", error)),
        }
    }

    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let call = self.client().delete_object().bucket(&self.name).key(key);
        match self.stats.call(&["s3:DeleteObject"], call.send()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::call("DeleteObject", error)),
        }
    }

    /// Deletes up to 1,000 objects, whether they are there or not.
    pub async fn delete_these(&self, keys: impl Iterator<Item = String>) -> Result<(), StoreError> {
        let objects = keys.filter_map(|key| ObjectIdentifier::builder().key(key).build().ok()).collect();
        let Ok(delete) = Delete::builder().set_objects(Some(objects)).quiet(true).build() else { return Ok(()) };
        let call = self.client().delete_objects().bucket(&self.name).delete(delete);
        let output = self
            .stats
            .call(&["s3:DeleteObject"], call.send())
            .await
            .map_err(|error| StoreError::call("DeleteObjects", error))?;
        match output.errors.unwrap_or_default().into_iter().next() {
            None => Ok(()),
            Some(error) => Err(StoreError::Call {
                operation: "DeleteObjects",
                reason: error.code.map_or("unknown".into(), Cow::Owned),
                source: None,
            }),
        }
    }

    /// Deletes up to 1,000 objects whose keys begin with `prefix`; `false` when there are no more of them.
    pub async fn delete_some(&self, prefix: &str) -> Result<bool, StoreError> {
        let call = self.client().list_objects_v2().bucket(&self.name).prefix(prefix);
        let page = self
            .stats
            .call(&["s3:ListBucket"], call.send())
            .await
            .map_err(|error| StoreError::call("ListObjectsV2", error))?;
        let keys: Vec<String> = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect();
        if !keys.is_empty() {
            self.delete_these(keys.into_iter()).await?;
        }
        Ok(page.is_truncated.unwrap_or_default())
    }

    /// A URL with which whoever has it reads the object for a while. No call is made.
    pub async fn url_of(&self, key: &str, lifetime: Duration) -> Result<String, StoreError> {
        let call = self.client().get_object().bucket(&self.name).key(key);
        self.stats.note(&["s3:GetObject"]);
        match call.presigned(expiring(lifetime)?).await {
            Ok(request) => Ok(request.uri().to_owned()),
            Err(error) => Err(StoreError::call("GetObject", error)),
        }
    }

    /// A URL with which whoever has it stores one object of exactly that size, described exactly so, under exactly that key. No call is
    /// made.
    pub async fn upload_url(
        &self,
        key: &str,
        described: Described,
        bytes: u64,
        lifetime: Duration,
    ) -> Result<String, StoreError> {
        let call = self
            .client()
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(described.content_type)
            .set_content_disposition(described.content_disposition)
            .content_length(bytes as i64);
        self.stats.note(&["s3:PutObject"]);
        match call.presigned(expiring(lifetime)?).await {
            Ok(request) => Ok(request.uri().to_owned()),
            Err(error) => Err(StoreError::call("PutObject", error)),
        }
    }
}

fn expiring(lifetime: Duration) -> Result<PresigningConfig, StoreError> {
    PresigningConfig::expires_in(lifetime).map_err(|error| StoreError::unwritable("a URL that lives so long", error))
}

fn patient() -> Builder {
    let time_outs = TimeoutConfig::builder().operation_attempt_timeout(LONG).operation_timeout(LONG);
    Builder::new().timeout_config(time_outs.build())
}
