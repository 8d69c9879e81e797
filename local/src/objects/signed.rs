//! Who may do what: whoever signed with the key pair may do what they signed, and no one may do anything else.

use hyper::{HeaderMap, Uri, header::AUTHORIZATION};
use percent_encoding::percent_decode_str;
use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    s3_error,
};

/// Refuses what has no signature, and, as S3 does, what has `x-amz-` headers that the signature doesn't cover. s3s would
/// take them: a presigned PUT with an `x-amz-copy-source` added would be a copy of any object of the bucket.
pub(super) struct Signed;

#[async_trait::async_trait]
impl S3Access for Signed {
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

/// The list that a version 4 signature names, in the query if it is there (where s3s looks first), else in the header.
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
