//! HTTP servers. Every server of the stack uses this accept loop and these helpers.

use crate::tasks::Tasks;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::time::Duration;
use tokio::net::TcpListener;
use tower::Service;

/// How long a client may take to send a request's headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// How long a refused body is read and dropped.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// Answers every request on `listener` with `router` until the stack stops. Handlers find the client's address in
/// `ConnectInfo<SocketAddr>`.
///
/// `axum::serve` can't be used: it lets open connections finish, and the stack must not wait for its clients.
pub fn serve(listener: TcpListener, router: Router, tasks: &Tasks) {
    let connections = tasks.clone();
    tasks.spawn(async move {
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                // Most likely the process has no free file descriptor: wait until some connection is closed.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let _ = stream.set_nodelay(true); // an optimisation only
            let router = router.clone();
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                router.clone().call(request)
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
            let connection = http.serve_connection(TokioIo::new(stream), service);
            connections.spawn(async move { drop(connection.await) }); // an error means that the client went away
        }
    });
}

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// The body, or its declared length, is over the limit.
    TooLong,
    /// The client went away or broke the protocol.
    Broken,
}

/// Reads a body of at most `limit` bytes. A longer one is refused as soon as that is known.
pub async fn read(mut body: Body, limit: usize) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > limit as u64 {
        drain(body);
        return Err(Unread::TooLong);
    }
    match Limited::new(&mut body, limit).collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            drain(body);
            Err(Unread::TooLong)
        }
        Err(_) => Err(Unread::Broken),
    }
}

/// Reads and drops a refused body in the background. Without this the connection would be reset while the client still
/// sends, and the client would not see the answer.
pub fn drain(mut body: Body) {
    let all = async move { while let Some(Ok(_)) = body.frame().await {} };
    tokio::spawn(tokio::time::timeout(DRAIN_WITHIN, all));
}

/// The answer `{"message": message}`, which API Gateway itself gives on errors.
pub fn message(status: StatusCode, message: &str) -> Response {
    (status, Json(serde_json::json!({ "message": message }))).into_response()
}
