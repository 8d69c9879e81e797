//! Answers cross-origin requests by the bucket's CORS rules, as S3 does. Requests that a rule allows must still be signed.
//!
//! The rules are in memory only. The stack sets those of its template whenever it starts.

use std::{collections::BTreeMap, sync::Arc};

use hyper::{
    HeaderMap, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, VARY,
    },
};
use parking_lot::RwLock;
use s3s::{S3Error, S3ErrorCode, S3Result, dto::CORSRule, s3_error};

/// The methods that a rule can allow.
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/// S3's limit on the rules of a bucket.
const MOST_RULES: usize = 100;

/// The request headers that an answer depends on, for caches.
const VARIES: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// The rules of every bucket.
#[derive(Default)]
pub(super) struct Cors(RwLock<BTreeMap<String, Arc<[CORSRule]>>>);

/// A request of a page from another origin.
pub(super) struct CrossOrigin {
    bucket: String,
    origin: String,
    method: String,
    /// The header names in a preflight request; empty in other requests.
    headers: Vec<String>,
}

impl Cors {
    /// Replaces the rules of a bucket. Errors: `MalformedXML`, `InvalidRequest`.
    pub fn set(&self, bucket: String, rules: Vec<CORSRule>) -> S3Result<()> {
        if rules.is_empty() || rules.len() > MOST_RULES {
            return Err(s3_error!(MalformedXML, "A bucket has up to {MOST_RULES} rules"));
        }
        if rules.iter().flat_map(|rule| &rule.allowed_methods).any(|method| !METHODS.contains(&method.as_str())) {
            return Err(s3_error!(InvalidRequest, "Found unsupported HTTP method in CORS config"));
        }
        let is_too_wild = |pattern: &String| pattern.matches('*').count() > 1;
        if rules.iter().any(|rule| rule.allowed_origins.iter().chain(allowed_headers(rule)).any(is_too_wild)) {
            return Err(s3_error!(InvalidRequest, "An allowed origin or header can not have more than one wildcard"));
        }
        self.0.write().insert(bucket, rules.into());
        Ok(())
    }

    /// The headers of the answer to a preflight request.
    pub fn preflight(&self, path: &str, headers: &HeaderMap) -> S3Result<HeaderMap> {
        let asked = text(headers, &ACCESS_CONTROL_REQUEST_METHOD);
        let Some(method) = asked.filter(|method| METHODS.contains(method)) else {
            return Err(bad("Invalid Access-Control-Request-Method"));
        };
        let Some(mut request) = CrossOrigin::of(path, method, headers) else {
            return Err(bad("Insufficient information. Origin request header needed."));
        };
        let names = text(headers, &ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default().split(',');
        request.headers = names.map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect();
        self.allowed(&request).ok_or_else(|| {
            let code = S3ErrorCode::Custom("AccessForbidden".into());
            let mut error = S3Error::with_message(code, "CORSResponse: This CORS request is not allowed");
            error.set_status_code(StatusCode::FORBIDDEN);
            error
        })
    }

    /// The headers that let the page see the answer. `None`: no rule allows the request.
    pub fn allowed(&self, request: &CrossOrigin) -> Option<HeaderMap> {
        let rules = self.0.read().get(&request.bucket).cloned()?;
        let (rule, origin) = rules.iter().find_map(|rule| Some((rule, request.allowed_by(rule)?)))?;

        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            if let Some(value) = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()) {
                headers.insert(name, value);
            }
        };
        set(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(ACCESS_CONTROL_ALLOW_CREDENTIALS, if origin == "*" { "" } else { "true" });
        set(ACCESS_CONTROL_ALLOW_METHODS, &rule.allowed_methods.join(", "));
        set(ACCESS_CONTROL_ALLOW_HEADERS, &request.headers.join(", "));
        set(ACCESS_CONTROL_EXPOSE_HEADERS, &rule.expose_headers.as_deref().unwrap_or_default().join(", "));
        set(ACCESS_CONTROL_MAX_AGE, &rule.max_age_seconds.map_or_else(String::new, |age| age.to_string()));
        set(VARY, VARIES);
        Some(headers)
    }
}

impl CrossOrigin {
    /// `None`: the request has no `Origin`.
    pub fn of(path: &str, method: &str, headers: &HeaderMap) -> Option<Self> {
        let origin = text(headers, &ORIGIN)?.to_owned();
        let bucket = path.trim_start_matches('/').split('/').next()?.to_owned();
        Some(Self { bucket, origin, method: method.to_owned(), headers: Vec::new() })
    }

    /// The value of `Access-Control-Allow-Origin`, if the rule allows the request.
    fn allowed_by(&self, rule: &CORSRule) -> Option<&str> {
        let origin = rule.allowed_origins.iter().find(|pattern| fits(&self.origin, pattern))?;
        let has_header = |name: &String| allowed_headers(rule).any(|header| fits(name, &header.to_ascii_lowercase()));
        let is_allowed = rule.allowed_methods.contains(&self.method) && self.headers.iter().all(has_header);
        is_allowed.then_some(if origin == "*" { "*" } else { &self.origin })
    }
}

fn allowed_headers(rule: &CORSRule) -> impl Iterator<Item = &String> {
    rule.allowed_headers.iter().flatten()
}

/// Whether `text` matches `pattern`, in which one `*` may stand for any text.
fn fits(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((start, end)) => text.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn bad(message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom("BadRequest".into()), message);
    error.set_status_code(StatusCode::BAD_REQUEST);
    error
}
