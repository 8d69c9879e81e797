//! The embedded S3: buckets and objects in memory or in a directory, over the wire format and signatures of s3s.
//!
//! What lives here is what the product may ask of S3 and no more: one owner, no versions, no multipart uploads, no
//! policies. There is no lifecycle either: an upload under `temp/` that nobody promotes stays until it is deleted.
//!
//! Each operation either does what S3 does or refuses with S3's own error code; none ignores what it can't do if a
//! caller could rely on it. Every request must be signed with the one key pair, but for a browser's question whether it
//! may ask, which the bucket's CORS rules answer.

mod accounts;
mod address;
mod body;
mod catalogue;
mod claims;
mod conditions;
mod cors;
mod directory;
mod draft;
mod front;
mod listing;
mod object;
mod operations;
mod signed;

use accounts::Accounts;
use std::{future::Future, io, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::{S3Error, S3Result, service::S3ServiceBuilder};
use tokio::{net::TcpListener, task::JoinSet};

use catalogue::Catalogue;

/// Where objects are kept.
#[derive(Clone, Debug)]
pub enum Keep {
    /// In this process; nothing is left on disk.
    Memory,
    /// In this directory, made if missing; it survives a restart. Only one process may have it open.
    Directory(PathBuf),
}

/// Every bucket and object of one store. Cheap to clone; clones are the same store.
#[derive(Clone)]
pub struct Objects(Arc<Catalogue>);

impl Objects {
    /// Opens the store. Fails if the directory can't be used, is open in another process, or holds an object whose
    /// files were damaged; the error names the file.
    pub fn open(keep: Keep) -> io::Result<Self> {
        Ok(Self(Arc::new(Catalogue::open(keep)?)))
    }

    /// Serves S3 on `listener`, path-style, until `until` completes; then requests under way are cut off, each of
    /// which has either taken effect whole or not at all. Signatures are verified against the key pair.
    pub async fn serve(
        self,
        listener: TcpListener,
        access_key: &str,
        secret_key: &str,
        until: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut service = S3ServiceBuilder::new(self.clone());
        service.set_auth(Accounts { access_key: access_key.to_owned(), secret_key: secret_key.into() });
        service.set_access(signed::Signed);
        let service = service.build();

        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new());
        let mut connections = JoinSet::new();
        let mut until = pin!(until);
        loop {
            tokio::select! {
                () = &mut until => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let _ = stream.set_nodelay(true);
                        let (service, objects) = (service.clone(), self.clone());
                        let answer = service_fn(move |request| {
                            front::answer(service.clone(), objects.clone(), request)
                        });
                        let connection = http.serve_connection(TokioIo::new(stream), answer);
                        connections.spawn(async move {
                            // A client that hangs up is no news.
                            let _ = connection.await;
                        });
                    }
                    // Out of file descriptors, most likely: wait for some to come back.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
            }
        }
        connections.shutdown().await;
    }
}

/// Runs what touches files or hashes much where it doesn't hold up other requests. Once begun it runs to its end, also
/// if the client goes away.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> S3Result<T> + Send + 'static) -> S3Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(S3Error::internal_error)?
}
