//! An API Gateway HTTP API with the template's routes.

use crate::cdn;
use crate::cors::Cors;
use crate::event::{self, Received};
use crate::functions::Target;
use crate::http::{self, Unread};
use crate::outbox::Outbox;
use crate::pool::Pool;
use crate::queues::Queues;
use crate::reply;
use crate::routes::Routes;
use crate::runtime::PAYLOAD_LIMIT;
use crate::tasks::Tasks;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::net::TcpListener;

/// API Gateway's limit on the body of a request.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// With this header a test chooses the source address of its request. Functions don't see it.
const SOURCE_IP: HeaderName = HeaderName::from_static("x-sotto-local-source-ip");

/// The stack's own pages.
const OWN_PAGES: &str = "/_local/";

/// Shows the outbox, for people and for tests that only know the gateway's URL.
const OUTBOX: &str = "/_local/outbox";

/// Shows the embedded queues.
const QUEUES: &str = "/_local/queues";

/// The request's id, in every answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// The gateway's routes, and all that it needs to answer requests.
pub struct Gateway {
    pub routes: Routes<Target>,
    /// In the order of the template's functions.
    pub pools: Vec<Arc<Pool>>,
    pub cors: Option<Cors>,
    pub cdn: Option<(cdn::Grant, aws_sdk_s3::Client)>,
    pub outbox: Outbox,
    pub queues: Queues,
    pub port: u16,
}

impl Gateway {
    /// Answers on `listeners` until the stack stops.
    pub fn serve(self, listeners: Vec<TcpListener>, tasks: &Tasks) {
        let router = Router::new().fallback(answer).with_state(Arc::new(self));
        for listener in listeners {
            http::serve(listener, router.clone(), tasks);
        }
    }

    /// The stack's own pages, under `/_local/`. They show mails with codes, so they are shown under names of this machine only. A website can
    /// let its own name resolve to this machine and read the answer (DNS rebinding). Then the `Host` header has that name.
    async fn local(&self, request: &Parts) -> Option<Response> {
        let (method, path) = (&request.method, request.uri.path());
        if path.starts_with(OWN_PAGES) && !request.headers.get_all(header::HOST).iter().all(is_this_machine) {
            return Some(http::message(StatusCode::FORBIDDEN, "Open this as localhost"));
        }
        if let (Some((grant, s3)), Some(key)) = (&self.cdn, path.strip_prefix(cdn::PATH)) {
            return Some(cdn::answer(grant, s3, method, key).await);
        }
        let page = match (method, path) {
            (&Method::GET, OUTBOX) => Value::from(self.outbox.entries()),
            (&Method::GET, QUEUES) => {
                let names = self.queues.names().into_iter();
                names.map(|name| (name.clone(), json!(self.queues.messages(&name)))).collect()
            }
            _ => return None,
        };
        Some(([(header::CACHE_CONTROL, "no-store")], Json(page)).into_response())
    }

    async fn invoke(
        &self,
        request: &mut Parts,
        body: Body,
        id: &Arc<str>,
        peer: SocketAddr,
    ) -> Result<Response, Refusal> {
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
            let at = OffsetDateTime::now_utc();
            let received = Received { request_id: id, source_ip, domain: "localhost", port: self.port, at };
            let event = event::event(request, &body, &found, &received);
            if event.len() > PAYLOAD_LIMIT {
                return Err(Refusal::TooLarge);
            }
            let permit = self.pools[found.target.function].permit().await;
            // An invocation finishes even if the client goes away, so it is a task of its own.
            let id = id.clone();
            let answer = tokio::spawn(async move { permit.invoke(&id, event.into()).await }).await;
            let returned = answer.map_err(|_| Refusal::Failed)?.map_err(|_| Refusal::Failed)?;
            reply::reply(&returned).ok_or(Refusal::Failed)
        };
        tokio::time::timeout(patience, answer).await.unwrap_or(Err(Refusal::TimedOut))
    }
}

/// Why the gateway itself answers.
enum Refusal {
    BadRequest,
    NotFound,
    TooLarge,
    Failed,
    TimedOut,
}

impl Refusal {
    fn response(self) -> Response {
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

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (mut request, body) = request.into_parts();
    if let Some(page) = gateway.local(&request).await {
        http::drain(body);
        return page;
    }
    let id: Arc<str> = request_id().into();
    let mut response = match &gateway.cors {
        Some(cors) if request.method == Method::OPTIONS && request.headers.contains_key(header::ORIGIN) => {
            (StatusCode::NO_CONTENT, cors.preflight(&request.headers)).into_response()
        }
        cors => {
            let answer = gateway.invoke(&mut request, body, &id, peer).await;
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

/// The peer's address, or the one that a test has chosen. This machine is one client, whichever of its loopback addresses
/// it uses.
fn source_ip(headers: &mut HeaderMap, peer: SocketAddr) -> Result<IpAddr, Refusal> {
    match headers.remove(SOURCE_IP) {
        None if peer.ip().is_loopback() => Ok(Ipv4Addr::LOCALHOST.into()),
        None => Ok(peer.ip()),
        Some(asked) => asked.to_str().ok().and_then(|ip| ip.parse().ok()).ok_or(Refusal::BadRequest),
    }
}

/// Refuses requests that can't be written as an event, and impossible hosts.
fn check(request: &Parts) -> Result<(), Refusal> {
    let is_text = request.headers.values().all(|value| std::str::from_utf8(value.as_bytes()).is_ok());
    let path_is_text = percent_decode_str(request.uri.path()).decode_utf8().is_ok();
    let host = request.headers.get(header::HOST).is_none_or(|host| host.to_str().is_ok_and(is_host));
    if is_text && path_is_text && host { Ok(()) } else { Err(Refusal::BadRequest) }
}

/// Whether `host` is an IP address or a domain name, with or without a port. Functions build URLs with it, and not every
/// value that a header may have makes a URL.
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

/// Whether a `Host` header names this machine itself: as `localhost`, a name under it, or by an IP address.
fn is_this_machine(host: &HeaderValue) -> bool {
    let authority: Option<Authority> = host.to_str().ok().and_then(|host| host.parse().ok());
    authority.is_some_and(|authority| {
        let name = authority.host().to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost") || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    })
}

/// An id in the form of API Gateway's.
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
    fn this_machine_is_localhost_or_an_address() {
        for host in
            ["localhost", "LOCALHOST:3000", "a.localhost:3000", "127.0.0.1", "127.0.0.2:80", "[::1]:3000", "[::1]"]
        {
            assert!(is_this_machine(&HeaderValue::from_static(host)), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example:3000", "notlocalhost", "127.0.0.1.evil.example", "", "a b", "::1"]
        {
            assert!(!is_this_machine(&HeaderValue::from_static(host)), "{host}");
        }
    }

    #[test]
    fn a_test_chooses_its_source_address_with_a_header_that_is_removed() {
        let mut headers = HeaderMap::new();
        for (peer, ip) in [("127.0.0.1:5", "127.0.0.1"), ("[::1]:5", "127.0.0.1"), ("192.0.2.1:5", "192.0.2.1")] {
            assert!(matches!(source_ip(&mut headers, peer.parse().unwrap()), Ok(found) if found.to_string() == ip));
        }
        let peer = SocketAddr::from(([127, 0, 0, 1], 5));
        headers.insert(SOURCE_IP, HeaderValue::from_static("2001:db8::1"));
        assert!(matches!(source_ip(&mut headers, peer), Ok(ip) if ip.to_string() == "2001:db8::1"));
        assert!(headers.is_empty());
        headers.insert(SOURCE_IP, HeaderValue::from_static("nobody"));
        assert!(source_ip(&mut headers, peer).is_err());
    }
}
