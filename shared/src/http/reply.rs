//! Answers. Each carries the headers that every answer of ours carries.

use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use lambda_http::aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body};
use serde::Serialize;

use crate::limits::{Quota, RateLimit, TooMany};

pub struct Reply {
    pub status: StatusCode,
    headers: HeaderMap,
    cookies: Vec<String>,
    content_type: &'static str,
    cache_control: &'static str,
    body: String,
    /// The body in place of the text, compressed.
    gzip: Option<&'static [u8]>,
    /// The request was answered before: it takes nothing from a limit.
    pub(super) is_replay: bool,
}

impl Reply {
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// Takes the body as the text that a repeated request gets again.
    pub fn created(body: String) -> Self {
        Self::text(StatusCode::CREATED, body)
    }

    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Our bodies have string keys and finite numbers only: what serde_json can always write.
        Self::text(status, serde_json::to_string(body).unwrap_or_default())
    }

    fn text(status: StatusCode, body: String) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            cookies: Vec::new(),
            content_type: "application/json",
            cache_control: "no-store",
            body,
            gzip: None,
            is_replay: false,
        }
    }

    /// A document that anyone may keep for a while. `tag` tells its forms and versions apart.
    pub(super) fn document(json: &str, tag: &str) -> Self {
        let reply = Self { cache_control: "public, max-age=300", ..Self::text(StatusCode::OK, json.to_owned()) };
        reply.header(header::ETAG, tag).header(header::VARY, "accept-encoding")
    }

    /// The same, compressed.
    pub(super) fn compressed(gzip: &'static [u8], tag: &str) -> Self {
        Self { gzip: Some(gzip), ..Self::document("", tag) }.header(header::CONTENT_ENCODING, "gzip")
    }

    /// For whoever has the document with that tag.
    pub(super) fn not_modified(tag: &str) -> Self {
        Self::document("", tag).with_status(StatusCode::NOT_MODIFIED)
    }

    /// A document under a content security policy. Its address may hold a secret, which is told to nobody.
    pub(super) fn html(status: StatusCode, html: String, policy: &str) -> Self {
        Self { content_type: "text/html; charset=utf-8", ..Self::text(status, html) }
            .header(header::CONTENT_SECURITY_POLICY, policy)
            .header(header::REFERRER_POLICY, "no-referrer")
    }

    /// The first answer again, as the store kept it.
    pub(crate) fn replayed(status: u16, body: String) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        Self { is_replay: true, ..Self::text(status, body) }
    }

    /// The body that a repeated request gets again.
    pub fn body(&self) -> &str {
        &self.body
    }

    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub fn cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The same reply, not before `moment`: its time tells nothing of what was done until then.
    pub async fn not_before(self, moment: Instant) -> Self {
        tokio::time::sleep_until(moment.into()).await;
        self
    }

    /// Says how much of each limit is left (draft-ietf-httpapi-ratelimit-headers-10).
    pub(super) fn with_limits(self, limits: Vec<RateLimit>) -> Self {
        limits.into_iter().fold(self, |reply, limit| reply.rate_limit(limit.quota, limit.remaining, limit.reset))
    }

    pub fn limited(self, limited: Option<TooMany>) -> Self {
        match limited {
            Some(TooMany { quota, retry_after }) => {
                self.rate_limit(quota, 0, retry_after).header(header::RETRY_AFTER, &retry_after.to_string())
            }
            None => self,
        }
    }

    fn rate_limit(self, Quota { name, hits, window }: Quota, remaining: usize, reset: u64) -> Self {
        let window = window.as_secs();
        self.listed(HeaderName::from_static("ratelimit-policy"), format!("\"{name}\";q={hits};w={window}"))
            .listed(HeaderName::from_static("ratelimit"), format!("\"{name}\";r={remaining};t={reset}"))
    }

    /// One more member of a field that is a list (RFC 9651).
    fn listed(self, name: HeaderName, member: String) -> Self {
        let before = self.headers.get(&name).and_then(|value| value.to_str().ok());
        let list = before.map_or_else(|| member.clone(), |before| format!("{before}, {member}"));
        self.header(name, &list)
    }

    fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn into_response(self, request_id: &str) -> ApiGatewayV2httpResponse {
        let (content_type, cache_control) = (self.content_type, self.cache_control);
        let reply = self
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CACHE_CONTROL, cache_control)
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(HeaderName::from_static("x-request-id"), request_id);
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = reply.status.as_u16().into();
        response.headers = reply.headers;
        response.cookies = reply.cookies;
        response.is_base64_encoded = reply.gzip.is_some();
        response.body = Some(reply.gzip.map_or_else(|| Body::Text(reply.body), |gzip| Body::Binary(gzip.to_vec())));
        response
    }
}
