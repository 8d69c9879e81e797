//! Forged, changed and expired tokens, and the rotation of keys. They run on stacks whose keys the test can read.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use local::{Endpoints, Options, Stack, State};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{PASSWORD, StackScope, User, now, options, stack_or_skip};

use super::{
    steps::{is_alive, text},
    store::set_status,
};

/// An RSA key. A faulty verifier would take its text for an HMAC secret.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf
9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==
-----END PUBLIC KEY-----
";

/// A stack in a directory, so that the test can read and replace its keys. Requests of this thread's test go to it.
struct StackWithKeys {
    stack: Stack,
    directory: PathBuf,
    scope: StackScope,
}

impl StackWithKeys {
    async fn start() -> Option<StackWithKeys> {
        stack_or_skip("knows the keys of a stack")?;
        Some(StackWithKeys::within(std::env::temp_dir().join(format!("sotto-{}", Uuid::new_v4().simple()))).await)
    }

    async fn within(directory: PathBuf) -> StackWithKeys {
        let shared = stack_or_skip("has an outbox").expect("a stack");
        // Mails go to the shared stack's outbox.
        let (ses, credentials) = (Some(shared.ses_url().to_owned()), Some(shared.credentials().clone()));
        let endpoints = Endpoints { ses, credentials, ..Endpoints::default() };
        let options = Options { state: State::Directory(directory.clone()), endpoints, ..options() };
        let stack = Stack::start(options).await.expect("a stack in a directory");
        let scope = StackScope::at(&stack);
        StackWithKeys { stack, directory, scope }
    }

    fn keys(&self) -> Value {
        let text = std::fs::read_to_string(keys_in(&self.directory)).expect("the secret's file");
        serde_json::from_str(&text).expect("JSON")
    }

    fn key(&self) -> String {
        text(&self.keys()["current"])
    }

    /// Restarts the stack with a new key. The old current key still verifies.
    async fn rotated(self, new: &str) -> StackWithKeys {
        let keys = json!({ "previous": self.key(), "current": new });
        let directory = self.directory.clone();
        drop(self.scope);
        self.stack.stop().await;
        std::fs::write(keys_in(&directory), keys.to_string()).expect("the secret's file");
        StackWithKeys::within(directory).await
    }

    async fn stop(self) {
        drop(self.scope);
        self.stack.stop().await;
        std::fs::remove_dir_all(&self.directory).expect("the stack's directory");
    }
}

fn keys_in(directory: &Path) -> PathBuf {
    directory.join("secrets").join("SessionKeys")
}

fn part(token: &str, n: usize) -> Value {
    let part = token.split('.').nth(n).expect("a part");
    serde_json::from_slice(&BASE64.decode(part).expect("base64")).expect("JSON")
}

fn kid(token: &str) -> String {
    text(&part(token, 0)["kid"])
}

fn signed(claims: &Value, kid: &str, algorithm: Algorithm, key: &[u8]) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
    encode(&header, claims, &EncodingKey::from_secret(key)).expect("a token")
}

/// A token of this header, these claims and this signature, without any check.
fn made(header: &Value, claims: &Value, signature: &str) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64.encode(part.to_string()));
    format!("{header}.{claims}.{signature}")
}

/// The claims with one of them changed or removed.
fn with(claims: &Value, name: &str, value: Option<Value>) -> Value {
    let mut claims = claims.clone();
    match value {
        Some(value) => claims[name] = value,
        None => drop(claims.as_object_mut().expect("claims").remove(name)),
    }
    claims
}

#[tokio::test]
async fn a_token_says_no_more_than_it_has_to_and_holds_for_30_days() {
    let user = User::sign_up().await;
    let (header, claims) = (part(&user.token, 0), part(&user.token, 1));
    assert_eq!(header["alg"], "HS256");
    assert!(header["kid"].as_str().is_some_and(|kid| !kid.is_empty()));
    assert_eq!(claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat"), 30 * 24 * 60 * 60);
    for claim in ["iss", "aud", "sub", "nbf", "jti"] {
        assert!(!claims[claim].is_null(), "no {claim}");
    }
    assert!(!claims.to_string().contains(&user.email));
}

#[tokio::test]
async fn a_token_that_was_tampered_with_opens_nothing() {
    let user = User::sign_up().await;
    let token = &user.token;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("{token}") };
    let other = User::sign_up().await;
    let foreign = other.token.rsplit('.').next().expect("a signature");
    for forged in [
        format!("{header}{claims}{signature}"),
        format!("{header}.{claims}{signature}"),
        format!("{header}{claims}.{signature}"),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!(".{claims}.{signature}"),
        format!("{header}..{signature}"),
        format!("{token}.{signature}"),
        format!("{token}A"),
        format!("{token}="),
        format!("{header}.{claims}.{foreign}"),
        format!("{header}.{}.{signature}", other.token.split('.').nth(1).expect("claims")),
        format!("{header}.{claims}.{}", signature.to_uppercase()),
        made(&json!({ "alg": "none" }), &part(token, 1), ""),
        made(&json!({ "alg": "none", "kid": kid(token) }), &part(token, 1), ""),
        made(&json!({ "alg": "None", "typ": "JWT", "kid": kid(token) }), &part(token, 1), signature),
        made(&json!({ "alg": "none", "kid": kid(token) }), &part(token, 1), "").trim_end_matches('.').to_owned(),
        "..".to_owned(),
        ".".to_owned(),
        "x".repeat(5000),
    ] {
        assert!(!is_alive(&forged).await, "{forged}");
    }
    assert!(is_alive(token).await && is_alive(&other.token).await);
}

#[tokio::test]
async fn only_our_key_our_algorithm_our_claims_and_their_time_make_a_token() {
    let Some(stack) = StackWithKeys::start().await else { return };
    let user = User::sign_up().await;
    let (kid, key, claims) = (kid(&user.token), stack.key(), part(&user.token, 1));
    let ours = |claims: &Value| signed(claims, &kid, Algorithm::HS256, key.as_bytes());
    assert!(is_alive(&ours(&claims)).await, "a token as we make it");

    let keys = [kid.as_str(), "", "secret", "sotto", PUBLIC_KEY, PUBLIC_KEY.trim(), &key[1..], &key.to_lowercase()];
    for other in keys {
        assert!(!is_alive(&signed(&claims, &kid, Algorithm::HS256, other.as_bytes())).await, "{other}");
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        assert!(!is_alive(&signed(&claims, &kid, algorithm, key.as_bytes())).await, "{algorithm:?}");
    }
    let signature = user.token.rsplit('.').next().expect("a signature");
    for algorithm in ["RS256", "ES256", "EdDSA", "none", "hs256", ""] {
        let header = json!({ "alg": algorithm, "kid": kid });
        assert!(!is_alive(&made(&header, &claims, signature)).await, "{algorithm}");
    }
    let strange = ["", "unknown", "../../x", "../../../../dev/null", "/dev/null", "current", "0", "SESSION_KEY", "%00"];
    for kid in strange.into_iter().chain([&kid[1..], &kid.to_uppercase()]).filter(|other| *other != kid) {
        for key in [&key, ""] {
            assert!(!is_alive(&signed(&claims, kid, Algorithm::HS256, key.as_bytes())).await, "{kid}");
        }
    }
    let without = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(key.as_bytes()));
    assert!(!is_alive(&without.expect("a token")).await, "no kid");

    for (claim, wrong) in [
        ("aud", json!("other")),
        ("aud", json!([])),
        ("iss", json!("https://sotto.example")),
        ("iss", json!("")),
        ("sub", json!("000000000000000000000000")),
        ("sub", json!("../x")),
        ("sub", json!(5)),
        ("jti", json!("0".repeat(32))),
        ("device", json!("0".repeat(32))),
        ("exp", json!("tomorrow")),
        ("nbf", json!("yesterday")),
    ] {
        assert!(!is_alive(&ours(&with(&claims, claim, Some(wrong.clone())))).await, "{claim} {wrong}");
        assert!(!is_alive(&ours(&with(&claims, claim, None))).await, "no {claim}");
    }

    let at = |seconds: i64| Some(json!(now().unix_timestamp() + seconds));
    for (claim, seconds, is_good) in
        [("exp", -90, false), ("exp", -30, true), ("nbf", 90, false), ("nbf", 30, true), ("exp", 31 * 86_400, false)]
    {
        let timed = with(&claims, claim, at(seconds));
        // A token that ends before it begins is odd. Only its end decides whether it is valid.
        let timed = with(&timed, "iat", at(seconds.min(0)));
        let timed = if claim == "nbf" { timed } else { with(&timed, "nbf", at(seconds.min(0))) };
        assert_eq!(is_alive(&ours(&timed)).await, is_good, "{claim} {seconds}");
    }
    assert!(!is_alive(&ours(&with(&claims, "exp", Some(json!(i64::MAX))))).await);
    assert!(is_alive(&user.token).await);
    stack.stop().await;
}

#[tokio::test]
async fn a_well_made_token_opens_nothing_once_the_store_says_so() {
    let Some(stack) = StackWithKeys::start().await else { return };
    let user = User::sign_up().await;
    let ours = |token: &str| signed(&part(token, 1), &kid(token), Algorithm::HS256, stack.key().as_bytes());
    let token = ours(&user.token);
    assert!(is_alive(&token).await);
    for status in ["suspended", "inactive"] {
        set_status(&stack.stack, &user, status).await;
        assert!(!is_alive(&token).await, "{status}");
    }
    set_status(&stack.stack, &user, "active").await;
    assert!(is_alive(&token).await);

    let other = user.on_new_device().await;
    let revoked = ours(&other.token);
    assert!(is_alive(&revoked).await);
    other.post("/api/auth/sign-out").send().await.ok(200);
    assert!(!is_alive(&revoked).await, "revoked");

    // One user's session with another user's name.
    let stranger = User::sign_up().await;
    for (claim, value) in [("name", &stranger.username), ("sub", &stranger.id), ("device", &stranger.device)] {
        let mixed = with(&part(&token, 1), claim, Some(json!(value)));
        let mixed = signed(&mixed, &kid(&token), Algorithm::HS256, stack.key().as_bytes());
        assert!(!is_alive(&mixed).await, "{claim}");
    }

    user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    assert!(!is_alive(&token).await, "deleted");
    stack.stop().await;
}

#[tokio::test]
async fn a_token_of_another_stack_opens_nothing() {
    stack_or_skip("starts first");
    let foreigner = User::sign_up().await;
    let Some(stack) = StackWithKeys::start().await else { return };
    let user = User::sign_up().await;
    assert!(is_alive(&user.token).await);
    assert!(!is_alive(&foreigner.token).await);
    stack.stop().await;
    assert!(is_alive(&foreigner.token).await);
    assert!(!is_alive(&user.token).await);
}

#[tokio::test]
async fn keys_are_rotated_without_signing_anyone_out_and_a_key_that_is_gone_opens_nothing() {
    let Some(stack) = StackWithKeys::start().await else { return };
    assert_eq!(stack.keys()["previous"], "");
    let user = User::sign_up().await;
    let oldest = user.token.clone();
    let sign_in = async || text(&user.sign_in(json!({})).await.ok(200)["data"]["token"]);

    let stack = stack.rotated("the second key of a test, as long as a key should be, and longer").await;
    assert!(is_alive(&oldest).await);
    let second = sign_in().await;
    assert!(is_alive(&second).await && is_alive(&oldest).await);
    assert_ne!(kid(&second), kid(&oldest));

    let stack = stack.rotated("the third key of a test, which is unlike the second, and as long").await;
    assert!(!is_alive(&oldest).await);
    assert!(is_alive(&second).await);
    let third = sign_in().await;
    assert!(is_alive(&third).await);
    assert!(kid(&third) != kid(&second) && kid(&third) != kid(&oldest));
    stack.stop().await;
}
