//! Cards: images of shared messages, in the bucket under `cards/`, served to everyone by the CDN.

use std::sync::{Arc, OnceLock};

use aws_sdk_s3::{Client, error::ProvideErrorMetadata, primitives::ByteStream};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ring::digest;

use crate::{
    aws::{AwsClients, describe},
    config::Config,
    store::StoreError,
    tally::Tally,
    tokens::Tokens,
    types::LinkId,
};

/// How long the CDN and browsers may show a card that was replaced or deleted since.
const CACHE_CONTROL: &str = "public, max-age=300";
/// Object metadata by which an upload recognises itself.
const CONTENT_HASH: &str = "content-sha256";
/// How often an upload tries again when the card in its way is gone the next moment.
const TRIES: usize = 4;
/// Deletions under way at once.
const AT_ONCE: usize = 32;

pub struct Cards {
    /// Made at the first use: most functions have none.
    client: OnceLock<Client>,
    clients: AwsClients,
    endpoint: Option<String>,
    bucket: String,
    base_url: String,
    tally: Arc<Tally>,
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
    pub fn new(clients: AwsClients, config: &Config, tally: Arc<Tally>) -> Self {
        Self {
            client: OnceLock::new(),
            clients,
            endpoint: config.aws.s3_endpoint.clone(),
            bucket: config.bucket.clone(),
            base_url: config.cards_base_url.clone(),
            tally,
        }
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
                .client()
                .put_object()
                .bucket(&self.bucket)
                .key(Self::filename(share_token))
                .content_type("image/png")
                .cache_control(CACHE_CONTROL)
                .metadata(CONTENT_HASH, &hash)
                .set_if_none_match((!replace).then(|| "*".to_owned()))
                .body(ByteStream::from(png.clone()));
            let Err(error) = self.tally.call(&["s3:PutObject"], call.send()).await else { return Ok(Stored::Now) };
            match error.code() {
                // Another upload has won, or has just collided with this one and may still fail.
                Some("PreconditionFailed" | "ConditionalRequestConflict") => {}
                _ => return Err(StoreError::new(describe("PutObject", &error))),
            }
            match self.hash_of(share_token).await? {
                Some(there) if there == hash => return Ok(Stored::Same),
                Some(_) => return Ok(Stored::Other),
                None => {}
            }
        }
        Err(StoreError::new("PutObject: a card in the way came and went".to_owned()))
    }

    pub async fn delete(&self, share_token: &str) -> Result<(), StoreError> {
        self.delete_object(Self::filename(share_token)).await
    }

    /// Deletes every card of a link, also one whose message does not know of it.
    pub async fn delete_all(&self, link: LinkId) -> Result<(), StoreError> {
        let prefix = format!("cards/{}", Tokens::share_token_prefix(link));
        loop {
            let call = self.client().list_objects_v2().bucket(&self.bucket).prefix(&prefix);
            let page = self
                .tally
                .call(&["s3:ListBucket"], call.send())
                .await
                .map_err(|error| StoreError::new(describe("ListObjectsV2", &error)))?;
            let is_last = !page.is_truncated.unwrap_or_default();
            let keys = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
            let deletions = stream::iter(keys).map(|key| self.delete_object(key)).buffer_unordered(AT_ONCE);
            deletions.try_collect::<()>().await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn delete_object(&self, key: String) -> Result<(), StoreError> {
        let call = self.client().delete_object().bucket(&self.bucket).key(key);
        match self.tally.call(&["s3:DeleteObject"], call.send()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::new(describe("DeleteObject", &error))),
        }
    }

    /// The hash that the card in the bucket was stored with; `None` when there is none. S3 answers 403 for an object that is
    /// not there to who may not list the bucket.
    async fn hash_of(&self, share_token: &str) -> Result<Option<String>, StoreError> {
        let call = self.client().head_object().bucket(&self.bucket).key(Self::filename(share_token));
        match self.tally.call(&["s3:GetObject"], call.send()).await {
            Ok(object) => Ok(Some(object.metadata.unwrap_or_default().remove(CONTENT_HASH).unwrap_or_default())),
            Err(error) if error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 403 | 404)) => {
                Ok(None)
            }
            Err(error) => Err(StoreError::new(describe("HeadObject", &error))),
        }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| self.clients.s3(self.endpoint.clone()))
    }
}
