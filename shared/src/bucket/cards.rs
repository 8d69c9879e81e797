//! Cards: images of shared messages, in the bucket under `cards/`, served to everyone by the CDN.

use std::sync::Arc;

use aws_sdk_s3::{error::ProvideErrorMetadata, primitives::ByteStream};
use bytes::Bytes;
use ring::digest;

use super::Bucket;
use crate::{error::StoreError, tokens::Tokens, types::LinkId};

/// How long the CDN and browsers may show a card that was replaced or deleted since.
const CACHE_CONTROL: &str = "public, max-age=300";
/// Object metadata by which an upload recognises itself.
const CONTENT_HASH: &str = "content-sha256";
/// How often an upload tries again when the card in its way is gone the next moment.
const TRIES: usize = 4;

/// The part of the bucket that is public.
pub struct Cards {
    bucket: Arc<Bucket>,
    base_url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Now,
    /// The very same card is there: this upload, whose answer got lost, or its twin.
    Same,
    /// Another card is there.
    Other,
}

impl Cards {
    /// `base_url` is where the CDN serves the bucket, without a slash at the end.
    pub fn new(bucket: Arc<Bucket>, base_url: String) -> Self {
        Self { bucket, base_url }
    }

    /// `cards/<shareToken>.png`.
    pub fn filename(share_token: &str) -> String {
        format!("cards/{share_token}.png")
    }

    pub fn url(&self, share_token: &str) -> String {
        format!("{}/{}", self.base_url, Self::filename(share_token))
    }

    /// Stores a card; one that is there already is kept unless `replace`.
    pub async fn put(&self, share_token: &str, png: Vec<u8>, replace: bool) -> Result<Stored, StoreError> {
        let hash = hex::encode(digest::digest(&digest::SHA256, &png));
        let png = Bytes::from(png);
        for _ in 0..TRIES {
            let call = self
                .bucket
                .client()
                .put_object()
                .bucket(&self.bucket.name)
                .key(Self::filename(share_token))
                .content_type("image/png")
                .cache_control(CACHE_CONTROL)
                .metadata(CONTENT_HASH, &hash)
                .set_if_none_match((!replace).then(|| "*".to_owned()))
                .body(ByteStream::from(png.clone()));
            let Err(error) = self.bucket.stats.call(&["s3:PutObject"], call.send()).await else {
                return Ok(Stored::Now);
            };
            match error.code() {
                // Another upload was first, or has just collided with this one and may still fail.
                Some("PreconditionFailed" | "ConditionalRequestConflict") => {}
                _ => return Err(StoreError::call("PutObject", error)),
            }
            match self.hash_of(share_token).await? {
                Some(there) if there == hash => return Ok(Stored::Same),
                Some(_) => return Ok(Stored::Other),
                None => {}
            }
        }
        Err(StoreError::Busy("PutObject: a card in the way came and went"))
    }

    pub async fn delete(&self, share_token: &str) -> Result<(), StoreError> {
        self.bucket.delete(&Self::filename(share_token)).await
    }

    /// Deletes every card of a link, also one whose message does not know of it.
    pub async fn delete_all(&self, link: LinkId) -> Result<(), StoreError> {
        let prefix = format!("cards/{}", Tokens::share_token_prefix(link));
        while self.bucket.delete_some(&prefix).await? {}
        Ok(())
    }

    /// The hash that the card in the bucket was stored with; `None` when there is none. S3 answers 403 for an absent
    /// object if the caller may not list the bucket.
    async fn hash_of(&self, share_token: &str) -> Result<Option<String>, StoreError> {
        let call = self.bucket.client().head_object().bucket(&self.bucket.name).key(Self::filename(share_token));
        match self.bucket.stats.call(&["s3:GetObject"], call.send()).await {
            Ok(object) => Ok(Some(object.metadata.unwrap_or_default().remove(CONTENT_HASH).unwrap_or_default())),
            Err(error) if error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 403 | 404)) => {
                Ok(None)
            }
            Err(error) => Err(StoreError::call("HeadObject", error)),
        }
    }
}
