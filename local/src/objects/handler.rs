//! The handler between the HTTP server and s3s: it answers CORS requests, and works around two limits of s3s.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Method, StatusCode,
    body::{Frame, SizeHint},
    header::{CONTENT_ENCODING, EXPECT, HeaderMap, HeaderValue},
};
use parking_lot::Mutex;
use s3s::service::S3Service;

use super::{catalogue::Catalogue, cors::CrossOrigin};

/// Answers one request.
///
/// s3s may answer before it has read the body. Closing the connection then resets it, and the client sees a broken pipe and
/// no answer. So the rest of the body is read and dropped first. The exception is a client that sent `Expect`: it sends the
/// body only when it is asked to.
pub(super) async fn answer(s3: S3Service, catalogue: Arc<Catalogue>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let cors = &catalogue.cors;
    if head.method == Method::OPTIONS {
        return match cors.preflight(head.uri.path(), &head.headers) {
            Ok(headers) => headers.into_response(),
            Err(refusal) => response(refusal.to_http_response()),
        };
    }
    let cross_origin = CrossOrigin::of(head.uri.path(), head.method.as_str(), &head.headers);
    join_encodings(&mut head.headers);
    let expects = head.headers.contains_key(EXPECT);
    let mut body = Shared(Arc::new(Mutex::new(body)));
    let answer = s3.call(Request::from_parts(head, s3s::Body::http_body(body.clone()))).await;
    if !expects {
        while let Some(Ok(_)) = body.frame().await {}
    }
    let mut answer = response(answer);
    if let Some(allowed) = cross_origin.and_then(|request| cors.allowed(&request)) {
        answer.headers_mut().extend(allowed);
    }
    answer
}

/// The answer of s3s. It fails only if it can't write its own XML.
fn response<E>(answer: Result<s3s::HttpResponse, E>) -> Response {
    answer.map_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response(), |answer| answer.map(Body::new))
}

/// Amazon's client sends `gzip` and `aws-chunked` in two headers. s3s reads only one header with a list. The signature is the
/// same for both.
fn join_encodings(headers: &mut HeaderMap) {
    let all: Vec<_> = headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes).collect();
    if all.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&all.join(&b','))
    {
        headers.insert(CONTENT_ENCODING, joined);
    }
}

/// A body that s3s reads, and whose rest we read afterwards.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl hyper::body::Body for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.0.lock()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().size_hint()
    }
}
