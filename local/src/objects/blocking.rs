//! File I/O and hashing, on threads where blocking is allowed.

use s3s::{S3Error, S3Result};

/// Runs `work` where blocking doesn't hold up other requests. It runs to its end, even if the client goes away.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> S3Result<T> + Send + 'static) -> S3Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(S3Error::internal_error)?
}
