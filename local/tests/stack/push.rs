//! The push recorder. The rules for valid messages have unit tests in push.rs.

use crate::support::{Http, options, stack};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use local::{Endpoints, Options, Stack, State};
use serde_json::json;

/// An empty message needs no encryption, but a sender.
const HEADERS: [(&str, &str); 2] = [("ttl", "60"), ("topic", "one")];

/// The key pair of RFC 7515, A.3: as PKCS #8, and its point.
const SECRET: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LKhRANCAAR_\
    zc4ncPbEXUGDy-5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt-hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt";
const POINT: &str = "BH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRFx_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_taken_and_recorded_as_it_came() {
    let stack = stack().await;
    let exp = time::OffsetDateTime::now_utc().unix_timestamp() + 3600;
    let claims = json!({"aud": "https://push.example", "exp": exp, "sub": "mailto:me@a.test"});
    let key = EncodingKey::from_ec_der(&URL_SAFE_NO_PAD.decode(SECRET).unwrap());
    let token = encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap();
    let sender = format!("vapid t={token}, k={POINT}");
    // Salt, record size, length of the key, the key, and a record that fills what a push service takes.
    let body = [&[7; 16][..], &[0, 0, 16, 0], &[65, 4], &[7; 64], &[7; 4096 - 86]].concat();
    let headers = [HEADERS[0], HEADERS[1], ("content-encoding", "aes128gcm"), ("authorization", &sender)];
    let answer = Http::new(stack.push_url()).send("POST", "/push.example/send/a%2F1?b=c", &headers, body.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (201, 0));
    assert!(answer.header("location").is_some_and(|receipt| receipt.starts_with("https://push.example/")));
    let shown = Http::new(stack.url()).get("/_local/outbox").await.json();
    assert_eq!(
        (&shown[0]["kind"], &shown[0]["endpoint"]),
        (&json!("push"), &json!("https://push.example/send/a%2F1?b=c"))
    );
    assert_eq!((&shown[0]["headers"]["topic"], &shown[0]["headers"]["authorization"]), (&json!("one"), &json!(sender)));
    assert_eq!(shown[0]["body"], STANDARD.encode(body));
    assert!(shown[0]["at"].is_string() && shown.as_array().is_some_and(|all| all.len() == 1));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_push_service_would_refuse_is_refused_and_not_recorded() {
    let stack = stack().await;
    let http = Http::new(stack.push_url());
    for (method, path, headers, body, status) in [
        ("GET", "/push.example/send/1", &HEADERS[..], Vec::new(), 405),
        ("POST", "/", &HEADERS, Vec::new(), 404),
        ("POST", "/push.example", &HEADERS, Vec::new(), 404),
        ("POST", "/push.example/send/1", &HEADERS[1..], Vec::new(), 400),
        ("POST", "/push.example/send/1", &HEADERS, Vec::new(), 401),
        ("POST", "/push.example/send/1", &HEADERS, vec![0; 4096], 415),
        ("POST", "/push.example/send/1", &HEADERS, vec![0; 4097], 413),
    ] {
        assert_eq!(http.send(method, path, headers, body).await.status, status, "{method} {path}");
    }
    assert!(stack.outbox().entries().is_empty());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_recorder_takes_the_embedded_ones_place() {
    let other = stack().await;
    let endpoints = Endpoints { push: Some(other.push_url().to_owned()), ..Endpoints::from_env() };
    let stack = Stack::start(Options { endpoints, ..options(State::Memory) }).await.unwrap();
    assert_eq!(stack.push_url(), other.push_url());
    let variables = Http::new(stack.url()).get("/environment").await.json()["variables"].clone();
    assert_eq!(variables["SOTTO_PUSH_ENDPOINT_URL"], other.push_url());
    stack.stop().await;
    other.stop().await;
}
