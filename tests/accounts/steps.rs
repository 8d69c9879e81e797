//! Shared by the tests of accounts: requests, and assertions about sessions and errors.

use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, User, whole_number};

pub const COOKIE: &str = "next-auth.session-token";

/// A complete body of a sign-up.
pub fn registration(username: &str, email: &str, otp: &str) -> Value {
    json!({ "username": username, "email": email, "password": PASSWORD, "otp": otp })
}

pub async fn sign_up(body: &Value) -> Answer {
    Client::new().post("/api/sign-up").json(body).send().await
}

/// A POST without a session, from a new client.
pub async fn post(path: &str, body: &Value) -> Answer {
    Client::new().post(path).json(body).send().await
}

pub async fn sign_in(identifier: &str, password: &str) -> Answer {
    post("/api/auth/sign-in", &json!({ "identifier": identifier, "password": password })).await
}

pub async fn is_taken(username: &str) -> bool {
    let answer = Client::new().get(&format!("/api/check-username-unique?username={username}")).send().await.ok(200);
    !answer["success"].as_bool().unwrap_or_else(|| panic!("{answer}"))
}

/// `GET /api/auth/session` with a token as the bearer.
pub async fn session(token: &str) -> Value {
    Client::new().get("/api/auth/session").bearer(token).send().await.ok(200)
}

/// Whether a session is valid. All endpoints that are asked must agree.
pub async fn is_alive(token: &str) -> bool {
    let answer = Client::new().get("/api/auth/devices").bearer(token).send().await;
    let is_alive = answer.status == 200;
    if !is_alive {
        answer.fails(401, "Not Authenticated");
    }
    let session = session(token).await;
    assert_eq!(session != json!({}), is_alive, "{session}");
    is_alive
}

/// The account in the answer of `GET /api/auth/session`.
pub fn shown(user: &User) -> Value {
    json!({
        "_id": user.id, "username": user.username, "email": user.email, "isVerified": true, "isAcceptingMessages": true,
    })
}

/// The session cookie that an answer sets, after a check of its attributes. `None` without one.
#[track_caller]
pub fn cookie_of(answer: &Answer) -> Option<String> {
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    let [cookie] = &cookies[..] else {
        assert!(cookies.is_empty(), "{cookies:?}");
        return None;
    };
    let mut parts = cookie.to_str().expect("ASCII").split(';').map(str::trim);
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a name and a value");
    assert_eq!(name, COOKIE);
    let attributes: Vec<_> = parts.map(str::to_ascii_lowercase).collect();
    let age = if value.is_empty() { "max-age=0" } else { "max-age=2592000" };
    for wanted in ["httponly", "samesite=lax", "path=/", age] {
        assert!(attributes.iter().any(|attribute| attribute == wanted), "{wanted}: {cookie:?}");
    }
    // A browser ignores a `Secure` cookie over http.
    assert!(!attributes.iter().any(|attribute| attribute == "secure" || attribute.starts_with("domain")));
    Some(value.to_owned())
}

/// Asserts a 429 of accounts, with its message and its headers.
#[track_caller]
pub fn limited(answer: &Answer, name: &str, quota: u64, window: u64) {
    assert_eq!(answer.status, 429, "{}", answer.text());
    let seconds = whole_number(answer.header("retry-after").expect("a Retry-After header"));
    // A request may have begun just before the hit that it waits for.
    assert!((1..=window + 1).contains(&seconds), "Retry-After: {seconds}");
    let unit = if seconds == 1 { "second" } else { "seconds" };
    answer.fails(429, &format!("Too many requests. Try again in {seconds} {unit}"));
    assert_eq!(answer.quota(name, quota, window), (0, seconds));
}

/// Asserts a refusal whose message begins with the name of the wrong field.
#[track_caller]
pub fn names(answer: &Answer, field: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["success"], false);
    let message = body["message"].as_str().unwrap_or_else(|| panic!("{body}"));
    assert!(message.to_lowercase().starts_with(&field.to_lowercase()), "{message}");
}

/// A code of six digits that differs from `code`, a different one for each `n` up to 100.
pub fn wrong(code: &str, n: u64) -> String {
    format!("{:06}", (whole_number(code) + 1 + n) % 1_000_000)
}

#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
