//! Between hyper and s3s: what a request needs before s3s can read it, and what is left of it once s3s has answered.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Method, Request,
    body::{Body, Frame, Incoming, SizeHint},
    header::{CONTENT_ENCODING, EXPECT, HeaderMap, HeaderValue},
    http::request::Parts,
};
use s3s::{HttpError, HttpResponse, service::S3Service};

use super::{
    Objects,
    cors::{Cors, Crossing},
};

/// Answers one request, and browsers before and about it.
///
/// An answer that comes before the body was read would be lost: closing a connection with bytes unread resets it, and
/// the client sees a broken pipe instead of the reason. So the rest of the body is read and dropped first; unless the
/// client waits to be asked for it, and so has not sent it.
pub(super) async fn answer(
    s3: S3Service,
    objects: Objects,
    request: Request<Incoming>,
) -> Result<HttpResponse, HttpError> {
    let (mut head, body) = request.into_parts();
    let cors = &objects.0.cors;
    if head.method == Method::OPTIONS {
        return preflight(cors, &head);
    }
    let crossing = Crossing::of(head.uri.path(), head.method.as_str(), &head.headers);
    join_encodings(&mut head.headers);
    let waits = head.headers.contains_key(EXPECT);
    let mut body = Shared(Arc::new(Mutex::new(body)));
    let mut answer = s3.call(Request::from_parts(head, s3s::Body::http_body(body.clone()))).await;
    if !waits {
        while let Some(Ok(_)) = body.frame().await {}
    }
    if let (Ok(answer), Some(allowed)) = (&mut answer, crossing.and_then(|crossing| cors.allowed(&crossing))) {
        answer.headers_mut().extend(allowed);
    }
    answer
}

/// Tells a browser whether it may ask.
fn preflight(cors: &Cors, head: &Parts) -> Result<HttpResponse, HttpError> {
    match cors.preflight(head.uri.path(), &head.headers) {
        Ok(headers) => {
            let mut answer = HttpResponse::default();
            *answer.headers_mut() = headers;
            Ok(answer)
        }
        Err(refusal) => refusal.to_http_response().map_err(|error| HttpError::new(Box::new(error))),
    }
}

/// Amazon's client sends `gzip` and `aws-chunked` as two headers; s3s knows the list only in one. To a signature they
/// are the same.
fn join_encodings(headers: &mut HeaderMap) {
    let all: Vec<_> = headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes).collect();
    if all.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&all.join(&b','))
    {
        headers.insert(CONTENT_ENCODING, joined);
    }
}

/// A body that s3s reads and that we can read on.
#[derive(Clone)]
struct Shared(Arc<Mutex<Incoming>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}
