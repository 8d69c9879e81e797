//! Cards: images of shared messages, in the bucket under `cards/`, served to everyone by the CDN.

use std::sync::{Arc, OnceLock};

use aws_sdk_s3::{Client, primitives::ByteStream};
use bytes::Bytes;
use ring::digest;

use crate::{aws::AwsClients, aws::describe, config::Config, store::StoreError, tally::Tally};

/// How long the CDN and browsers may show a card that was replaced or deleted since.
const CACHE_CONTROL: &str = "public, max-age=300";
/// Object metadata by which an upload recognises itself.
const CONTENT_HASH: &str = "content-sha256";

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
        let call = self
            .client()
            .put_object()
            .bucket(&self.bucket)
            .key(Self::filename(share_token))
            .content_type("image/png")
            .cache_control(CACHE_CONTROL)
            .metadata(CONTENT_HASH, &hash)
            .set_if_none_match((!replace).then(|| "*".to_owned()))
            .body(ByteStream::from(Bytes::from(png)));
        match self.tally.call(&["s3:PutObject"], call.send()).await {
            Ok(_) => Ok(Stored::Now),
            Err(error) => match error.as_service_error().and_then(|error| error.meta().code()) {
                Some("PreconditionFailed" | "ConditionalRequestConflict") => self.compare(share_token, &hash).await,
                _ => Err(StoreError::new(describe("PutObject", &error))),
            },
        }
    }

    pub async fn delete(&self, share_token: &str) -> Result<(), StoreError> {
        let call = self.client().delete_object().bucket(&self.bucket).key(Self::filename(share_token));
        match self.tally.call(&["s3:DeleteObject"], call.send()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::new(describe("DeleteObject", &error))),
        }
    }

    async fn compare(&self, share_token: &str, hash: &str) -> Result<Stored, StoreError> {
        let call = self.client().head_object().bucket(&self.bucket).key(Self::filename(share_token));
        let there = self
            .tally
            .call(&["s3:GetObject"], call.send())
            .await
            .map_err(|error| StoreError::new(describe("HeadObject", &error)))?;
        let same = there.metadata().and_then(|metadata| metadata.get(CONTENT_HASH)).is_some_and(|there| there == hash);
        Ok(if same { Stored::Same } else { Stored::Other })
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| self.clients.s3(self.endpoint.clone()))
    }
}
