//! The front door: an API Gateway HTTP API with the template's routes.

use crate::cdn;
use crate::cors::Cors;
use crate::event::{self, Received};
use crate::functions::Target;
use crate::http::{self, Body, Unread};
use crate::life::Life;
use crate::outbox::Outbox;
use crate::pool::Pool;
use crate::queues::Queues;
use crate::reply;
use crate::routes::Routes;
use crate::runtime::PAYLOAD_LIMIT;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::net::TcpListener;

/// The most that a request's body may have, as in API Gateway.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// A test says with this header from which address it wants to come. It never reaches a function.
const SOURCE_IP: HeaderName = HeaderName::from_static("x-sotto-local-source-ip");

/// Where the outbox is, for a person or a test that only knows the gateway.
const OUTBOX: &str = "/_local/outbox";

/// Where the embedded queues are, for a person.
const QUEUES: &str = "/_local/queues";

/// Carries the request's id in every answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// Everything that requests need.
pub struct Gateway {
    pub routes: Routes<Target>,
    /// In the order of the template's functions.
    pub pools: Vec<Arc<Pool>>,
    pub cors: Option<Cors>,
    pub cdn: Option<(cdn::Grant, aws_sdk_s3::Client)>,
    pub outbox: Outbox,
    pub queues: Queues,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Gateway {
    /// Answers on `listener` until `life` ends.
    pub fn serve(self, listener: TcpListener, life: Life) {
        let gateway = Arc::new(self);
        tokio::spawn(http::serve(listener, life, move |request, peer: SocketAddr| {
            let gateway = gateway.clone();
            async move { gateway.answer(request, peer).await }
        }));
    }

    /// Answers a request that came from `peer`.
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        if let (Some((grant, s3)), Some(path)) = (&self.cdn, request.uri().path().strip_prefix(cdn::PATH)) {
            return cdn::answer(grant, s3, request.method(), path).await;
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, OUTBOX) => return told(&Value::from(self.outbox.entries())),
            (&Method::GET, QUEUES) => {
                let names = self.queues.names().into_iter();
                return told(&names.map(|name| (name.clone(), json!(self.queues.messages(&name)))).collect());
            }
            _ => {}
        }
        let (mut request, body) = request.into_parts();
        let id: Arc<str> = request_id().into();
        let mut response = match &self.cors {
            Some(cors) if request.method == Method::OPTIONS && request.headers.contains_key(header::ORIGIN) => {
                let mut response = http::empty(StatusCode::NO_CONTENT);
                *response.headers_mut() = cors.preflight(&request.headers);
                response
            }
            cors => {
                let answer = self.invoke(&mut request, body, &id, peer).await;
                let mut response = answer.unwrap_or_else(Refusal::response);
                if let Some(cors) = cors {
                    cors.apply(&request.headers, response.headers_mut());
                }
                response
            }
        };
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    async fn invoke(
        &self,
        request: &mut Parts,
        body: Incoming,
        id: &Arc<str>,
        peer: SocketAddr,
    ) -> Result<Response<Body>, Refusal> {
        let admitted = source_ip(&mut request.headers, peer).and_then(|ip| check(request).map(|()| ip));
        let found = self.routes.find(&request.method, request.uri.path()).ok_or(Refusal::NotFound);
        let (source_ip, found) = match admitted.and_then(|ip| Ok((ip, found?))) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                http::drain(body);
                return Err(refusal);
            }
        };
        let patience = found.target.patience;
        let answer = async {
            let body = http::read(body, BODY_LIMIT).await?;
            let domain = self.address.ip().to_string();
            let port = self.address.port();
            let received = Received { request_id: id, source_ip, domain: &domain, port, at: OffsetDateTime::now_utc() };
            let event = event::event(request, &body, &found, &received);
            if event.len() > PAYLOAD_LIMIT {
                return Err(Refusal::TooLarge);
            }
            let turn = self.pools[found.target.function].turn().await;
            // In a task of its own: a function that was called finishes, whether or not somebody still waits for it.
            let id = id.clone();
            let answer = tokio::spawn(async move { turn.invoke(&id, event.into()).await }).await;
            let returned = answer.map_err(|_| Refusal::Failed)?.map_err(|_| Refusal::Failed)?;
            reply::reply(&returned).ok_or(Refusal::Failed)
        };
        tokio::time::timeout(patience, answer).await.unwrap_or(Err(Refusal::TimedOut))
    }
}

/// Why the gateway answers in a function's place.
enum Refusal {
    BadRequest,
    NotFound,
    TooLarge,
    Failed,
    TimedOut,
}

impl Refusal {
    fn response(self) -> Response<Body> {
        let (status, message) = match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "Bad Request"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::TimedOut => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        let mut response = http::message(status, message);
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLong => Self::TooLarge,
            Unread::Broken => Self::BadRequest,
        }
    }
}

/// What the stack itself says, as it is now.
fn told(what: &Value) -> Response<Body> {
    let mut response = http::with_type(StatusCode::OK, "application/json", what.to_string());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The peer's address, or the one that a test asks for.
fn source_ip(headers: &mut HeaderMap, peer: SocketAddr) -> Result<IpAddr, Refusal> {
    match headers.remove(SOURCE_IP) {
        None => Ok(peer.ip()),
        Some(asked) => asked.to_str().ok().and_then(|ip| ip.parse().ok()).ok_or(Refusal::BadRequest),
    }
}

/// Refuses what an event can't say, and a host that no gateway would be asked for.
fn check(request: &Parts) -> Result<(), Refusal> {
    let is_text = request.headers.values().all(|value| std::str::from_utf8(value.as_bytes()).is_ok());
    let path_is_text = percent_decode_str(request.uri.path()).decode_utf8().is_ok();
    let host = request.headers.get(header::HOST).is_none_or(|host| host.to_str().is_ok_and(is_host));
    if is_text && path_is_text && host { Ok(()) } else { Err(Refusal::BadRequest) }
}

/// Whether `host` is an IP address or a domain name, perhaps with a port. A function builds URLs with it, and some that
/// headers allow are none.
fn is_host(host: &str) -> bool {
    if host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4()) {
        return true;
    }
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_name = name.split('.').all(is_label) && !last.starts_with(|first: char| first.is_ascii_digit());
    is_name && port.parse::<u16>().is_ok()
}

/// An id that looks like API Gateway's.
fn request_id() -> String {
    let random = uuid::Uuid::new_v4();
    STANDARD.encode(&random.as_bytes()[..11]).replace('+', "-").replace('/', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_addresses_or_names() {
        for host in ["127.0.0.1", "127.0.0.1:3000", "[::1]:3000", "localhost:80", "a-b.example", "sotto_1.test:1"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", "a..b", "1.2.3.999", "a b", "a/b", "a:port", "a:1:2", "[::bad", "user@a", "a%20", ":80"] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn the_header_decides_the_source_address_and_is_taken_out() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 5));
        let mut headers = HeaderMap::new();
        assert!(matches!(source_ip(&mut headers, peer), Ok(ip) if ip == peer.ip()));
        headers.insert(SOURCE_IP, HeaderValue::from_static("2001:db8::1"));
        assert!(matches!(source_ip(&mut headers, peer), Ok(ip) if ip.to_string() == "2001:db8::1"));
        assert!(headers.is_empty());
        headers.insert(SOURCE_IP, HeaderValue::from_static("nobody"));
        assert!(source_ip(&mut headers, peer).is_err());
    }
}
