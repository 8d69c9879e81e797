//! Whose signatures are good.

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

/// A key pair, and every key id that begins with the pair's: those of other stacks that share this store ([`Stack::another_key`](crate::Stack::another_key)).
pub struct Accounts {
    pub access_key: String,
    pub secret_key: SecretKey,
}

#[async_trait::async_trait]
impl S3Auth for Accounts {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match access_key.starts_with(&self.access_key) {
            true => Ok(self.secret_key.clone()),
            false => Err(s3_error!(InvalidAccessKeyId, "The access key id is not known")),
        }
    }
}
