//! Authentication: one key pair may do everything, and every request must be signed with it.

use hyper::{HeaderMap, Uri, header::AUTHORIZATION};
use percent_encoding::percent_decode_str;
use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    auth::{S3Auth, SecretKey},
    s3_error,
};

/// The key pair. Every key id that begins with the pair's is accepted, too: other stacks that share this S3 have such ids
/// ([`Stack::another_key`](crate::Stack::another_key)).
pub(super) struct KeyPair {
    pub access_key: String,
    pub secret_key: SecretKey,
}

#[async_trait::async_trait]
impl S3Auth for KeyPair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match access_key.starts_with(&self.access_key) {
            true => Ok(self.secret_key.clone()),
            false => Err(s3_error!(InvalidAccessKeyId, "The access key id is not known")),
        }
    }
}

/// Refuses requests without a signature. As S3 does, it also refuses `x-amz-` headers that the signature doesn't cover.
///
/// s3s would accept such headers. Then a client could add `x-amz-copy-source` to a presigned PUT, and so copy any object.
pub(super) struct RequireSignature;

#[async_trait::async_trait]
impl S3Access for RequireSignature {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(signed) = request.credentials().and_then(|_| signed_headers(request.headers(), request.uri())) else {
            return Err(s3_error!(AccessDenied, "A signature of version 4 is required"));
        };
        let covers = |name: &str| signed.split(';').any(|signed| signed == name);
        match request.headers().keys().find(|name| name.as_str().starts_with("x-amz-") && !covers(name.as_str())) {
            None => Ok(()),
            Some(name) => {
                Err(s3_error!(AccessDenied, "There were headers present in the request which were not signed: {name}"))
            }
        }
    }
}

/// The list of headers that a version 4 signature covers. As in s3s, a signature in the query comes before one in a header.
fn signed_headers(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let in_query = |name| uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    if in_query("X-Amz-Signature").is_some() {
        let signed = percent_decode_str(in_query("X-Amz-SignedHeaders")?).decode_utf8().ok()?;
        return Some(signed.into_owned());
    }
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("AWS4-HMAC-SHA256")?;
    let signed = authorization.split(',').find_map(|part| part.trim().strip_prefix("SignedHeaders="))?;
    Some(signed.to_owned())
}
