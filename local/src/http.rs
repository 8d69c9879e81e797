//! What the gateway and the Runtime API have in common: serving of connections, bodies, small answers.

use crate::life::Life;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// The body of every answer.
pub type Body = Full<Bytes>;

/// How long a client may take to send a request's headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// How long a refused body is read on, so that its sender sees the answer and not a reset connection.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// Answers every request on `listener` with `handle` until `life` ends. Each connection has a task of its own, so that
/// a slow client keeps nobody waiting.
pub async fn serve<H, A>(listener: TcpListener, life: Life, handle: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = life.ended() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: trying again at once would only take the processor as well.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true); // only slower without
        let (handle, life) = (handle.clone(), life.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let answer = handle(request, peer);
                async { Ok::<_, Infallible>(answer.await) }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
            tokio::select! {
                _ = builder.serve_connection(TokioIo::new(stream), service) => {} // its errors are the client's affair
                () = life.ended() => {}
            }
        });
    }
}

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is, or says that it is, longer than the limit.
    TooLong,
    /// The client went away or broke the protocol.
    Broken,
}

/// Reads a body of at most `limit` bytes. A longer one is refused as soon as that is known, and read on behind the
/// answer's back.
pub async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, Unread> {
    let mut read = BytesMut::new();
    let promised = hyper::body::Body::size_hint(&body).lower();
    if promised <= limit as u64 {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            if read.len() + data.len() > limit {
                drain(body);
                return Err(Unread::TooLong);
            }
            read.extend_from_slice(&data);
        }
        return Ok(read.freeze());
    }
    drain(body);
    Err(Unread::TooLong)
}

/// Reads a body that nobody wants, for a while.
pub fn drain(mut body: Incoming) {
    let all = async move { while let Some(Ok(_)) = body.frame().await {} };
    tokio::spawn(tokio::time::timeout(DRAIN_WITHIN, all));
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}

/// The answer `{"message": message}`, as the gateway itself gives.
pub fn message(status: StatusCode, message: &str) -> Response<Body> {
    with_type(status, "application/json", serde_json::json!({ "message": message }).to_string())
}

/// An answer with a body of a known type.
pub fn with_type(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
