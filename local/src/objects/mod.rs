//! The embedded S3: buckets and objects in memory or in a directory. s3s does the wire format and the signatures.
//!
//! It has what the product needs of S3: one owner, no versions, no multipart uploads, no policies, no lifecycle rules. So an
//! abandoned upload under `temp/` stays until somebody deletes it.
//!
//! Each operation does what S3 does, or refuses with S3's own error code. It ignores only what no caller relies on. Every
//! request must be signed, except for CORS preflight requests.

mod address;
mod auth;
mod blocking;
mod body;
mod catalogue;
mod conditions;
mod cors;
mod digests;
mod directory;
mod handler;
mod listing;
mod object;
mod operations;
mod upload;

use std::{io, path::PathBuf, sync::Arc};

use axum::Router;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;

use crate::{http, tasks::Tasks};
use auth::{KeyPair, RequireSignature};
use catalogue::Catalogue;
use operations::Operations;

/// All buckets and objects of one S3. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Objects(Arc<Catalogue>);

impl Objects {
    /// Opens the objects in `directory`, which is created if it is missing. `None`: the objects are in memory. Errors: the
    /// directory can't be used, another process has it open, or a file in it is damaged. The message names the file.
    pub fn open(directory: Option<PathBuf>) -> io::Result<Self> {
        Ok(Self(Arc::new(Catalogue::open(directory)?)))
    }

    /// Serves S3 for path-style requests that are signed with the key pair.
    pub fn router(self, access_key: &str, secret_key: &str) -> Router {
        let mut service = S3ServiceBuilder::new(Operations(self.0.clone()));
        service.set_auth(KeyPair { access_key: access_key.to_owned(), secret_key: secret_key.into() });
        service.set_access(RequireSignature);
        let service = service.build();
        Router::new().fallback(move |request| handler::answer(service.clone(), self.0.clone(), request))
    }

    /// Serves S3 on `listener` until `until` completes. Requests that are still running then are cut off. Each of them has
    /// taken effect as a whole, or not at all.
    pub async fn serve(
        self,
        listener: TcpListener,
        access_key: &str,
        secret_key: &str,
        until: impl Future<Output = ()>,
    ) {
        let (tasks, shutdown) = Tasks::new();
        http::serve(listener, self.router(access_key, secret_key), &tasks);
        drop(tasks);
        until.await;
        shutdown.finish().await;
    }
}
