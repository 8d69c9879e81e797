//! Bodies that are not JSON, or not a JSON object: the same rules for every endpoint with a body.

use serde_json::{Value, json};

use crate::support::{Call, Client, PASSWORD, User, random_email, random_username};

use super::steps::{is_alive, names, sign_in};

/// Every endpoint of the family that takes a body, with a well-formed body.
fn endpoints() -> Vec<(&'static str, &'static str, Value)> {
    let email = random_email();
    let sign_up = json!({ "username": random_username(), "email": email, "password": PASSWORD, "otp": "000000" });
    vec![
        ("POST", "/api/send-otp", json!({ "email": email })),
        ("POST", "/api/sign-up", sign_up),
        ("POST", "/api/auth/sign-in", json!({ "identifier": random_username(), "password": PASSWORD })),
        ("POST", "/api/auth/devices/verify", json!({ "code": "000000" })),
        ("POST", "/api/auth/change-password", json!({ "currentPassword": PASSWORD, "newPassword": PASSWORD })),
        ("POST", "/api/auth/forgot-password", json!({ "email": email })),
        ("POST", "/api/auth/reset-password", json!({ "email": email, "code": "000000", "newPassword": PASSWORD })),
        ("DELETE", "/api/auth/account", json!({ "password": PASSWORD })),
    ]
}

/// A request from a new client, with the user's session.
fn call(user: &User, method: &str, path: &str) -> Call {
    let method = method.parse().expect("a method");
    Client::new().call(method, path).bearer(&user.token)
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let user = User::sign_up().await;
    for (method, path, body) in endpoints() {
        println!("{path}");
        let call = || call(&user, method, path);
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "x"] {
            let answer = call().bytes(kind, body.to_string()).send().await;
            answer.fails(415, "Content-Type must be application/json");
        }
        call().body(body.to_string()).send().await.fails(415, "Content-Type must be application/json");
    }
    assert!(is_alive(&user.token).await);
}

#[tokio::test]
async fn a_field_in_another_spelling_is_refused_by_its_right_name() {
    let user = User::sign_up().await;
    for (method, path, body) in endpoints() {
        for right in body.as_object().expect("an object").keys() {
            let (mut other, mut capital) = (body.clone(), right.clone());
            capital[..1].make_ascii_uppercase();
            let value = other.as_object_mut().and_then(|body| body.remove(right));
            other[&capital] = value.expect("a field");
            println!("{path} {other}");
            let answer = call(&user, method, path).json(&other).send().await;
            answer.fails(400, &format!("{right} is required"));
        }
    }
    let body = json!({ "identifier": user.username, "password": PASSWORD, "device_name": "My telephone" });
    let answer = Client::new().post("/api/auth/sign-in").json(&body).send().await;
    answer.fails(400, "device_name is not known: it is spelled deviceName");
    assert!(is_alive(&user.token).await);
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let user = User::sign_up().await;
    for (method, path, body) in endpoints() {
        println!("{path}");
        let call = |text: Vec<u8>| call(&user, method, path).bytes("application/json", text).send();
        for broken in ["", "{", "null null", "{'email': 'a'}", &format!("{body} x"), &format!("{body},")] {
            call(broken.into()).await.fails(400, "The body is not valid JSON");
        }
        call(b"{\"email\":\"\xff\"}".to_vec()).await.fails(400, "The body is not valid UTF-8");
        for other in ["[]", "null", "5", "\"text\""] {
            call(other.into()).await.fails(400, "The body must be a JSON object");
        }
    }
    assert!(is_alive(&user.token).await);
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_and_one_of_64_kib_is_read() {
    let user = User::sign_up().await;
    for (method, path, body) in endpoints() {
        println!("{path}");
        let padded = |length: usize| {
            let body = body.to_string();
            let padding = " ".repeat(length - body.len());
            call(&user, method, path).bytes("application/json", format!("{body}{padding}")).send()
        };
        padded(64 * 1024 + 1).await.fails(413, "The body must not be larger than 64 KiB");
        padded(200_000).await.fails(413, "The body must not be larger than 64 KiB");
        // The last endpoint would delete the account.
        if method == "POST" {
            let status = padded(64 * 1024).await.status;
            assert!([200, 401].contains(&status), "{status}");
        }
    }
    assert!(is_alive(&user.token).await);
}

#[tokio::test]
async fn numbers_where_texts_belong_are_refused_by_name() {
    let user = User::sign_up().await;
    for (method, path, body) in endpoints() {
        for field in body.as_object().expect("an object").keys() {
            for other in [json!(12_345_678), json!(true), json!(["12345678"]), json!({ "$ne": "" })] {
                println!("{path} {field}");
                let mut body = body.clone();
                body[field] = other;
                let answer = call(&user, method, path).json(&body).send().await;
                names(&answer, field);
                answer.fails(400, &format!("{field} must be text"));
            }
        }
    }
    for field in ["deviceId", "deviceName"] {
        let mut body = json!({ "identifier": user.username, "password": user.password });
        body[field] = json!(5);
        names(&Client::new().post("/api/auth/sign-in").json(&body).send().await, field);
    }
    assert!(is_alive(&user.token).await);
    sign_in(&user.username, &user.password).await.ok(200);
}

#[tokio::test]
async fn a_field_that_is_missing_or_null_is_refused_by_name() {
    let user = User::sign_up().await;
    // Sign-up has one message for all missing fields (sign_up.rs).
    for (method, path, body) in endpoints().into_iter().filter(|(_, path, _)| *path != "/api/sign-up") {
        for field in body.as_object().expect("an object").keys() {
            println!("{path} {field}");
            let mut without = body.clone();
            without.as_object_mut().expect("an object").remove(field);
            let answer = call(&user, method, path).json(&without).send().await;
            answer.fails(400, &format!("{field} is required"));
            let mut null = body.clone();
            null[field] = Value::Null;
            names(&call(&user, method, path).json(&null).send().await, field);
        }
    }
    assert!(is_alive(&user.token).await);
}

#[tokio::test]
async fn what_needs_a_session_asks_for_it_before_anything_else() {
    for (method, path, body) in endpoints() {
        if ["/api/send-otp", "/api/sign-up", "/api/auth/sign-in"].contains(&path) || path.ends_with("t-password") {
            continue;
        }
        println!("{path}");
        let call = || Client::new().call(method.parse().expect("a method"), path);
        call().json(&body).send().await.fails(401, "Not Authenticated");
        call().json(&json!([])).send().await.fails(401, "Not Authenticated");
        call().body("x").send().await.fails(401, "Not Authenticated");
    }
    for (method, path) in [
        ("GET", "/api/auth/devices"),
        ("DELETE", "/api/auth/devices/00000000000000000000000000000000"),
        ("DELETE", "/api/auth/devices/x"),
        ("POST", "/api/auth/sign-out"),
        ("POST", "/api/auth/change-password"),
    ] {
        let call = Client::new().call(method.parse().expect("a method"), path);
        call.send().await.fails(401, "Not Authenticated");
    }
}
