//! The push recorder stands in for every push service. A message for `https://<host>/<path>` is posted to `/<host>/<path>`.
//! It accepts what RFC 8030, 8188 and 8292 allow, puts it into the outbox, and delivers nothing.

use crate::http::{self, Unread};
use crate::outbox::Outbox;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, LOCATION};
use hyper::{Method, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// The limit on a message: every push service accepts this much (RFC 8030, 7.2), and none accepts more.
const MESSAGE_LIMIT: usize = 4096;

/// The length of an encrypted message's header (RFC 8188, 2.1): salt, record size, length of the key, key (RFC 8291, 4).
const PREAMBLE: usize = 16 + 4 + 1 + 65;

/// The length of the shortest record: a delimiter and a tag.
const LEAST: usize = 1 + 16;

/// The longest lifetime of a sender's token, in seconds: a day (RFC 8292, 2).
const LONGEST_TOKEN: i64 = 86_400;

/// The claims of a sender's token (RFC 8292, 2).
#[derive(Deserialize)]
struct Claims {
    aud: String,
    exp: i64,
    /// The RFC makes it optional, but Apple requires it.
    sub: Option<String>,
}

/// Why a push service refuses a message.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(StatusCode, &'static str);

pub fn router(outbox: Outbox) -> Router {
    Router::new().fallback(receive).with_state(outbox)
}

async fn receive(State(outbox): State<Outbox>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let Some((host, path)) = endpoint(path) else {
        http::drain(body);
        return Err(Refusal(StatusCode::NOT_FOUND, "there is no such subscription"));
    };
    if head.method != Method::POST {
        http::drain(body);
        return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "messages are posted"));
    }
    let body = http::read(body, MESSAGE_LIMIT).await.map_err(|unread| match unread {
        Unread::TooLong => Refusal(StatusCode::PAYLOAD_TOO_LARGE, "a message has at most 4096 bytes"),
        Unread::Broken => Refusal(StatusCode::BAD_REQUEST, "the message ends in its middle"),
    })?;
    // An origin leaves out the default port (RFC 6454, 6.2).
    let origin = format!("https://{}", host.strip_suffix(":443").unwrap_or(host));
    check(&head.headers, &body, &origin, OffsetDateTime::now_utc().unix_timestamp())?;
    outbox.push(
        "push",
        json!({
            "endpoint": format!("https://{host}{path}"),
            "headers": by_name(&head.headers),
            "body": STANDARD.encode(&body),
        }),
    );
    let receipt = format!("{origin}/m/{}", uuid::Uuid::new_v4().simple());
    Ok((StatusCode::CREATED, [(LOCATION, receipt)]).into_response())
}

/// The host and the path of the endpoint that `path` stands for.
fn endpoint(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let (host, path) = path.split_at(path.find('/')?);
    (host.contains('.') && path.len() > 1).then_some((host, path))
}

/// The headers by name. Several values of one header are joined, as HTTP allows.
fn by_name(headers: &HeaderMap) -> Map<String, Value> {
    let text = |name| {
        let values: Vec<_> = headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
        values.join(", ")
    };
    headers.keys().map(|name| (name.as_str().to_owned(), text(name).into())).collect()
}

/// Refuses what push services refuse. `now` is in seconds since 1970.
fn check(headers: &HeaderMap, body: &[u8], origin: &str, now: i64) -> Result<(), Refusal> {
    let bad = |why| Err(Refusal(StatusCode::BAD_REQUEST, why));
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !header("ttl").is_some_and(is_number) {
        return bad("a TTL in seconds is expected (RFC 8030, 5.2)");
    }
    if header("urgency").is_some_and(|urgency| !["very-low", "low", "normal", "high"].contains(&urgency)) {
        return bad("there is no such Urgency (RFC 8030, 5.3)");
    }
    let is_topic = |topic: &str| {
        (1..=32).contains(&topic.len()) && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if header("topic").is_some_and(|topic| !is_topic(topic)) {
        return bad("a Topic has at most 32 characters of base64url (RFC 8030, 5.4)");
    }
    if !body.is_empty() {
        if header(CONTENT_ENCODING.as_str()) != Some("aes128gcm") {
            return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the Content-Encoding must be aes128gcm"));
        }
        if !is_encrypted(body) {
            return bad("the message is not encrypted (RFC 8291, 4)");
        }
    }
    let sender = header(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
    match sender {
        Some((scheme, sender)) if scheme.eq_ignore_ascii_case("vapid") => has_valid_token(sender, origin, now)
            .ok_or(Refusal(StatusCode::FORBIDDEN, "the token is not good (RFC 8292)")),
        _ => Err(Refusal(StatusCode::UNAUTHORIZED, "the Authorization of the sender is missing (RFC 8292)")),
    }
}

/// Whether the body looks like an encrypted message: it begins with a header that has a key, and its one record is complete
/// and not too long. Only the browser can tell whether it can be decrypted.
fn is_encrypted(body: &[u8]) -> bool {
    let Some((preamble, record)) = body.split_at_checked(PREAMBLE) else { return false };
    let size = u32::from_be_bytes([preamble[16], preamble[17], preamble[18], preamble[19]]);
    preamble[20..22] == [65, 4] && record.len() >= LEAST && (size as usize) > record.len()
}

/// Checks that the token is signed with the sender's key, is meant for this service, and is valid now.
fn has_valid_token(sender: &str, origin: &str, now: i64) -> Option<()> {
    let parameter = |name: &str| {
        let mut parameters = sender.split(',').filter_map(|parameter| parameter.trim().split_once('='));
        parameters.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let key = URL_SAFE_NO_PAD.decode(parameter("k")?).ok().filter(|key| key.len() == 65 && key[0] == 4)?;
    let (x, y) = key[1..].split_at(32);
    let key = DecodingKey::from_ec_components(&URL_SAFE_NO_PAD.encode(x), &URL_SAFE_NO_PAD.encode(y)).ok()?;
    let mut validation = Validation::new(Algorithm::ES256);
    // Both are checked below, by the rules of VAPID.
    (validation.validate_aud, validation.validate_exp) = (false, false);
    let claims = decode::<Claims>(parameter("t")?, &key, &validation).ok()?.claims;
    let is_contact = |sub: &str| sub.starts_with("mailto:") || sub.starts_with("https:");
    let is_good = claims.aud == origin
        && (now + 1..=now + LONGEST_TOKEN).contains(&claims.exp)
        && claims.sub.as_deref().is_some_and(is_contact);
    is_good.then_some(())
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        http::message(self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};

    const ORIGIN: &str = "https://push.example";
    const NOW: i64 = 1_800_000_000;

    /// The example of RFC 7515, A.3: an ES256 key, as PKCS #8, and its public point.
    const SECRET: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LKhRANCAAR_\
        zc4ncPbEXUGDy-5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt-hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt";
    const PUBLIC: [&str; 2] =
        ["f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"];

    fn sender(claims: Value) -> String {
        let key = EncodingKey::from_ec_der(&URL_SAFE_NO_PAD.decode(SECRET).unwrap());
        let token = encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap();
        let point = PUBLIC.map(|half| URL_SAFE_NO_PAD.decode(half).unwrap()).concat();
        format!("vapid t={token}, k={}", URL_SAFE_NO_PAD.encode([&[4], &point[..]].concat()))
    }

    fn claims() -> Value {
        json!({"aud": ORIGIN, "exp": NOW + 3600, "sub": "mailto:a@b.test"})
    }

    fn encrypted() -> Vec<u8> {
        let mut body = vec![0; PREAMBLE + LEAST];
        body[16..22].copy_from_slice(&[0, 0, 0, LEAST as u8 + 1, 65, 4]);
        body
    }

    /// The answer to a valid message after these changes of its headers. An empty value removes a header.
    fn answered(changes: &[(&'static str, &str)], body: &[u8]) -> u16 {
        let sender = sender(claims());
        let mut headers = HeaderMap::new();
        let good = [("ttl", "60"), ("content-encoding", "aes128gcm"), ("authorization", &sender)];
        for (name, value) in good.iter().chain(changes) {
            match *value {
                "" => drop(headers.remove(*name)),
                value => drop(headers.insert(*name, value.parse().unwrap())),
            }
        }
        check(&headers, body, ORIGIN, NOW).map_or_else(|refusal| refusal.0.as_u16(), |()| 201)
    }

    #[test]
    fn messages_are_accepted_as_push_services_accept_them() {
        let body = encrypted();
        assert_eq!(answered(&[], &body), 201);
        assert_eq!(answered(&[("topic", "a-b_C1"), ("urgency", "very-low"), ("ttl", "0")], &body), 201);
        assert_eq!(answered(&[("content-encoding", "")], b""), 201, "a message may be empty, and so plain");
        let long = "x".repeat(33);
        for (name, value, status) in [
            ("ttl", "", 400),
            ("ttl", "-1", 400),
            ("ttl", "soon", 400),
            ("urgency", "urgent", 400),
            ("topic", "a b", 400),
            ("topic", &long, 400),
            ("content-encoding", "", 415),
            ("content-encoding", "aesgcm", 415),
            ("authorization", "", 401),
            ("authorization", "Bearer x", 401),
            ("authorization", "vapid t=x, k=y", 403),
        ] {
            assert_eq!(answered(&[(name, value)], &body), status, "{name}: {value}");
        }
        assert_eq!(answered(&[], b"{\"title\":\"in the clear\"}"), 400);
        assert_eq!(answered(&[], &vec![b'x'; 4096]), 400);
        assert_eq!(answered(&[], &body[..body.len() - 1]), 400);
        assert_eq!(answered(&[], &[&body[..], b"x"].concat()), 400, "more than one record");
    }

    #[test]
    fn a_token_is_for_one_service_and_at_most_a_day() {
        let answered = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            answered(&[("authorization", &sender(claims))], &encrypted())
        };
        assert_eq!(answered("sub", json!("https://sotto.example/")), 201);
        assert_eq!(answered("exp", json!(NOW + LONGEST_TOKEN)), 201);
        for (name, value) in [
            ("aud", json!("https://other.example")),
            ("aud", json!("https://push.example/")),
            ("aud", json!("https://push.example/send/1")),
            ("exp", json!(NOW)),
            ("exp", json!(NOW + LONGEST_TOKEN + 1)),
            ("sub", json!(null)),
            ("sub", json!("somebody")),
        ] {
            assert_eq!(answered(name, value.clone()), 403, "{name}: {value}");
        }
    }

    #[test]
    fn a_token_must_be_signed_with_the_senders_key() {
        let (good, other) =
            (sender(claims()), sender(json!({"aud": ORIGIN, "exp": NOW + 1, "sub": "mailto:x@y.test"})));
        let (said, _) = good.rsplit_once('.').unwrap();
        let (_, signed) = other.rsplit_once('.').unwrap();
        assert_eq!(answered(&[("authorization", &format!("{said}.{signed}"))], &encrypted()), 403);
        let (token, key) = good.split_once(", k=").unwrap();
        assert_eq!(answered(&[("authorization", &format!("{token}, k={}", key.replace('B', "C")))], &encrypted()), 403);
        assert_eq!(answered(&[("authorization", token)], &encrypted()), 403);
    }

    #[test]
    fn a_path_names_the_endpoint() {
        assert_eq!(endpoint("/push.example/send/1?a=b"), Some(("push.example", "/send/1?a=b")));
        for path in ["", "/", "/push.example", "/push.example/", "//x", "/nohost/x"] {
            assert_eq!(endpoint(path), None, "{path}");
        }
    }
}
