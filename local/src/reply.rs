//! Turns a function's return value into the HTTP response, as API Gateway does.

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{self, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    status_code: Code,
    #[serde(default)]
    headers: Option<BTreeMap<String, Scalar>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Number(u16),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Boolean(bool),
}

/// The response. `None`: the return value is malformed.
pub fn reply(returned: &[u8]) -> Option<Response> {
    let value: Value = serde_json::from_slice(returned).ok()?;
    match value {
        Value::Object(object) if object.contains_key("statusCode") => {
            serde_json::from_value::<Reply>(Value::Object(object)).ok()?.response()
        }
        // Without a status code, the value itself is the body.
        Value::String(text) => inferred(text),
        other => inferred(other.to_string()),
    }
}

fn inferred(body: String) -> Option<Response> {
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).ok()
}

impl Reply {
    fn response(self) -> Option<Response> {
        let body = self.body.unwrap_or_default();
        let body = match self.is_base64_encoded {
            Some(true) => STANDARD.decode(body).ok()?.into(),
            _ => Body::from(body),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status_code.parse()?;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=utf-8"));
        for (name, value) in self.headers.unwrap_or_default() {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.insert(name, HeaderValue::from_bytes(value.text().as_bytes()).ok()?);
        }
        for own in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE] {
            headers.remove(own); // the gateway sets these itself
        }
        for cookie in self.cookies.unwrap_or_default() {
            headers.append(header::SET_COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).ok()?);
        }
        Some(response)
    }
}

impl Code {
    fn parse(&self) -> Option<StatusCode> {
        let code = match self {
            Self::Number(code) => *code,
            Self::Text(code) => code.parse().ok()?,
        };
        // A final status is 200 to 599.
        StatusCode::from_u16(code).ok().filter(|code| (200..600).contains(&code.as_u16()))
    }
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Boolean(boolean) => boolean.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use serde_json::json;

    /// Status, headers and body.
    type Answer = (u16, Vec<(String, String)>, Vec<u8>);

    fn answered(returned: Value) -> Option<Answer> {
        let (parts, body) = reply(returned.to_string().as_bytes())?.into_parts();
        let header =
            |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().unwrap().to_owned());
        let body = futures_util::FutureExt::now_or_never(body.collect()).unwrap().unwrap().to_bytes();
        Some((parts.status.as_u16(), parts.headers.iter().map(header).collect(), body.to_vec()))
    }

    fn header(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn a_reply_has_status_headers_cookies_and_body() {
        let returned = json!({
            "statusCode": 201,
            "headers": {"Content-Type": "application/json", "X-Number": 7, "content-length": "99"},
            "multiValueHeaders": {"X-Ignored": ["1"]},
            "cookies": ["a=1; HttpOnly", "b=2"],
            "body": "{}",
            "isBase64Encoded": false,
        });
        let headers = vec![
            header("content-type", "application/json"),
            header("x-number", "7"),
            header("set-cookie", "a=1; HttpOnly"),
            header("set-cookie", "b=2"),
        ];
        assert_eq!(answered(returned), Some((201, headers, b"{}".to_vec())));
    }

    #[test]
    fn base64_is_decoded_and_the_usual_type_is_text() {
        let plain = vec![header("content-type", "text/plain;charset=utf-8")];
        assert_eq!(
            answered(json!({"statusCode": "200", "body": "/w==", "isBase64Encoded": true})),
            Some((200, plain.clone(), vec![255]))
        );
        assert_eq!(answered(json!({"statusCode": 204})), Some((204, plain, vec![])));
    }

    #[test]
    fn json_without_a_status_is_the_body() {
        let json_type = vec![header("content-type", "application/json")];
        assert_eq!(answered(json!({"a": 1})), Some((200, json_type.clone(), b"{\"a\":1}".to_vec())));
        assert_eq!(answered(json!("Hello")), Some((200, json_type, b"Hello".to_vec())));
    }

    #[test]
    fn a_malformed_return_value_is_refused() {
        assert!(reply(b"{").is_none());
        for wrong in [
            json!({"statusCode": 99}),
            json!({"statusCode": 100}),
            json!({"statusCode": "x"}),
            json!({"statusCode": 200, "body": {}}),
            json!({"statusCode": 200, "body": "?", "isBase64Encoded": true}),
            json!({"statusCode": 200, "headers": {"a b": "1"}}),
            json!({"statusCode": 200, "headers": {"a": "1\n2"}}),
            json!({"statusCode": 200, "headers": {"a": ["1"]}}),
        ] {
            assert!(answered(wrong.clone()).is_none(), "{wrong}");
        }
    }
}
