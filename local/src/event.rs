//! The event for a request: payload format 2.0 of HTTP APIs.
//!
//! AWS's documentation leaves some details open. These follow captures of real APIs: `rawPath` is percent-decoded
//! (middleapi/standard-server#93), and only four kinds of content are text (ministackorg/ministack#766).

use crate::ACCOUNT;
use crate::routes::{Found, decoded};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// As in `12/Mar/2020:19:03:58 +0000`.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// Headers about the connection only. A gateway doesn't forward them.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// The gateway's own data about a request.
pub struct Received<'r> {
    pub request_id: &'r str,
    pub source_ip: IpAddr,
    /// The gateway's host.
    pub domain: &'r str,
    pub port: u16,
    pub at: OffsetDateTime,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'r> {
    version: &'static str,
    route_key: &'r str,
    raw_path: &'r str,
    raw_query_string: &'r str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<&'r str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    request_context: Context<'r>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: &'r BTreeMap<&'r str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'r> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'r str,
    domain_prefix: &'r str,
    http: Http<'r>,
    request_id: &'r str,
    route_key: &'r str,
    stage: &'static str,
    time: String,
    time_epoch: i128,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'r> {
    method: &'r str,
    path: &'r str,
    protocol: &'static str,
    source_ip: IpAddr,
    user_agent: String,
}

/// The event for a request whose header values and decoded path are known to be UTF-8.
pub fn event<T>(request: &Parts, body: &[u8], found: &Found<'_, T>, received: &Received<'_>) -> Vec<u8> {
    let path = decoded(request.uri.path());
    let query = request.uri.query().unwrap_or_default();
    let body = Text::of(body, &request.headers);
    let event = Event {
        version: "2.0",
        route_key: found.key,
        raw_path: &path,
        raw_query_string: query,
        cookies: cookies(&request.headers),
        headers: headers(&request.headers, &body, received),
        query_string_parameters: parameters(query),
        request_context: Context {
            account_id: ACCOUNT,
            api_id: "local",
            domain_name: received.domain,
            domain_prefix: received.domain.split('.').next().unwrap_or_default(),
            http: Http {
                method: request.method.as_str(),
                path: &path,
                protocol: "HTTP/1.1",
                source_ip: received.source_ip,
                user_agent: joined(&request.headers, &header::USER_AGENT),
            },
            request_id: received.request_id,
            route_key: found.key,
            stage: "$default",
            time: received.at.format(TIME).unwrap_or_default(),
            time_epoch: received.at.unix_timestamp_nanos() / 1_000_000,
        },
        path_parameters: &found.parameters,
        is_base64_encoded: body.is_base64,
        body: body.text,
    };
    serde_json::to_vec(&event).expect("texts and numbers have a JSON form")
}

/// A body in an event.
struct Text {
    text: Option<String>,
    is_base64: bool,
    bytes: usize,
}

impl Text {
    fn of(body: &[u8], headers: &HeaderMap) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_text = kind.starts_with("text/")
            || matches!(kind.as_str(), "application/json" | "application/xml" | "application/javascript");
        let (text, is_base64) = match std::str::from_utf8(body) {
            _ if body.is_empty() => (None, false),
            Ok(text) if is_text => (Some(text.to_owned()), false),
            _ => (Some(STANDARD.encode(body)), true),
        };
        Self { text, is_base64, bytes: body.len() }
    }
}

fn headers<'r>(from: &'r HeaderMap, body: &Text, received: &Received<'_>) -> BTreeMap<&'r str, String> {
    let kept = |name: &&HeaderName| **name != header::COOKIE && !HOP_BY_HOP.contains(name);
    let mut headers: BTreeMap<&str, String> =
        from.keys().filter(kept).map(|name| (name.as_str(), joined(from, name))).collect();
    if body.text.is_some() {
        headers.insert("content-length", body.bytes.to_string());
    }
    let said = headers.get("x-forwarded-for").map(|said| format!("{said}, ")).unwrap_or_default();
    headers.insert("x-forwarded-for", format!("{said}{}", received.source_ip));
    headers.insert("x-forwarded-port", received.port.to_string());
    headers.insert("x-forwarded-proto", "http".into());
    headers.entry("x-amzn-trace-id").or_insert_with(|| {
        let random = uuid::Uuid::new_v4().simple().to_string();
        format!("Root=1-{:08x}-{}", received.at.unix_timestamp(), &random[..24])
    });
    headers
}

/// All values of a header in one, as API Gateway forwards them.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.collect::<Vec<_>>().join(",")
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let cookies = values.flat_map(|value| value.split(';').map(|one| one.trim().to_owned()).collect::<Vec<_>>());
    cookies.filter(|cookie| !cookie.is_empty()).collect()
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match parameters.get_mut(&*name) {
            Some(values) => {
                values.push(',');
                values.push_str(&value);
            }
            None => drop(parameters.insert(name.into_owned(), value.into_owned())),
        }
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Routes;
    use hyper::Request;
    use serde_json::{Value, json};

    fn told(request: Request<&[u8]>) -> Value {
        let route = ("ANY".to_owned(), Some("/a/{one}".to_owned()), ());
        let routes = Routes::new([route, (String::new(), None, ())]).unwrap();
        let (parts, body) = request.into_parts();
        let found = routes.find(&parts.method, parts.uri.path()).unwrap();
        let received = Received {
            request_id: "Id=",
            source_ip: [192, 0, 2, 7].into(),
            domain: "localhost",
            port: 3000,
            at: OffsetDateTime::from_unix_timestamp(1_583_348_638).unwrap(),
        };
        serde_json::from_slice(&event(&parts, body, &found, &received)).unwrap()
    }

    #[test]
    fn an_event_has_the_shape_that_aws_documents() {
        let request = Request::post("/a/x%20y?k=1&k=2&plus=a+b&e=%C3%A9")
            .header("Host", "127.0.0.1:3000")
            .header("User-Agent", "agent")
            .header("X-Many", "one")
            .header("X-Many", "two")
            .header("Cookie", "a=1; b=2")
            .header("Connection", "keep-alive")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("X-Forwarded-For", "203.0.113.9")
            .header("X-Amzn-Trace-Id", "Root=1-x");
        let expected = json!({
            "version": "2.0",
            "routeKey": "ANY /a/{one}",
            "rawPath": "/a/x y",
            "rawQueryString": "k=1&k=2&plus=a+b&e=%C3%A9",
            "cookies": ["a=1", "b=2"],
            "headers": {
                "host": "127.0.0.1:3000",
                "user-agent": "agent",
                "x-many": "one,two",
                "content-type": "application/json; charset=utf-8",
                "content-length": "8",
                "x-forwarded-for": "203.0.113.9, 192.0.2.7",
                "x-forwarded-port": "3000",
                "x-forwarded-proto": "http",
                "x-amzn-trace-id": "Root=1-x",
            },
            "queryStringParameters": {"k": "1,2", "plus": "a b", "e": "é"},
            "pathParameters": {"one": "x y"},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": "localhost",
                "domainPrefix": "localhost",
                "http": {
                    "method": "POST",
                    "path": "/a/x y",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.7",
                    "userAgent": "agent",
                },
                "requestId": "Id=",
                "routeKey": "ANY /a/{one}",
                "stage": "$default",
                "time": "04/Mar/2020:19:03:58 +0000",
                "timeEpoch": 1_583_348_638_000_i64,
            },
            "body": "{\"a\":\"\"}",
            "isBase64Encoded": false,
        });
        assert_eq!(told(request.body(&br#"{"a":""}"#[..]).unwrap()), expected);
    }

    #[test]
    fn empty_fields_are_left_out() {
        let event = told(Request::get("/").body(&b""[..]).unwrap());
        for field in ["cookies", "queryStringParameters", "pathParameters", "body"] {
            assert_eq!(event.get(field), None, "{field}");
        }
        assert_eq!(event["isBase64Encoded"], false);
        assert_eq!(event["routeKey"], "$default");
    }

    #[test]
    fn only_valid_text_of_a_text_type_is_text() {
        let body = |content_type: Option<&str>, body: &'static [u8]| {
            let mut request = Request::post("/");
            if let Some(content_type) = content_type {
                request = request.header("content-type", content_type);
            }
            let event = told(request.body(body).unwrap());
            (event["body"].as_str().unwrap().to_owned(), event["isBase64Encoded"].as_bool().unwrap())
        };
        for text in ["text/plain", "TEXT/HTML;charset=utf-8", "application/json", "application/xml"] {
            assert_eq!(body(Some(text), b"hi"), ("hi".into(), false), "{text}");
        }
        let binary = ["image/png", "application/x-www-form-urlencoded", "application/problem+json"].map(Some);
        for binary in binary.into_iter().chain([None]) {
            assert_eq!(body(binary, b"hi"), ("aGk=".into(), true), "{binary:?}");
        }
        assert_eq!(body(Some("text/plain"), b"\xff"), ("/w==".into(), true));
    }
}
