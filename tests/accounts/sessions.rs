//! Sessions: how a request carries one, what `GET /api/auth/session` shows, and what ends it.

use serde_json::{Value, json};
use time::Duration;

use crate::support::{Answer, Client, PASSWORD, User, now, time};

use super::steps::{COOKIE, cookie_of, is_alive, sign_in, text};

/// Asks for the session with these headers. An endpoint that needs a session must agree with the answer.
async fn seen(headers: &[(&str, String)]) -> Value {
    let ask = async |path: &str| {
        let call = Client::new().get(path);
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
    };
    let session = ask("/api/auth/session").await.ok(200);
    let devices = ask("/api/auth/devices").await;
    match session == json!({}) {
        true => devices.fails(401, "Not Authenticated"),
        false => drop(devices.ok(200)),
    }
    session
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

fn cookie(token: &str) -> (&'static str, String) {
    ("cookie", format!("{COOKIE}={token}"))
}

async fn change_password(user: &User, current: &str, new: &str) -> Answer {
    let body = json!({ "currentPassword": current, "newPassword": new });
    user.post("/api/auth/change-password").json(&body).send().await
}

#[tokio::test]
async fn a_session_shows_its_user_and_when_it_ends() {
    let user = User::sign_up().await;
    let expected = |expires: &Value| {
        json!({
            "user": {
                "_id": user.id, "username": user.username, "email": user.email, "isVerified": true,
                "isAcceptingMessages": true,
            },
            "expires": expires,
        })
    };
    let session = seen(&[bearer(&user.token)]).await;
    assert_eq!(session, expected(&session["expires"]));
    assert!((time(&session["expires"]) - now() - Duration::days(30)).abs() < Duration::minutes(1));
    assert_eq!(seen(&[cookie(&user.token)]).await, session);
    user.post("/api/accept-messages").json(&json!({ "acceptMessage": false })).send().await.ok(200);
    assert_eq!(seen(&[bearer(&user.token)]).await["user"]["isAcceptingMessages"], false);
}

#[tokio::test]
async fn without_a_session_there_is_an_empty_object() {
    let nothing = json!({});
    assert_eq!(seen(&[]).await, nothing);
    for value in ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer x", "Bearer a.b.c", "bearer", "🦀"] {
        assert_eq!(seen(&[("authorization", value.to_owned())]).await, nothing, "{value}");
    }
    for value in ["", COOKIE, &format!("{COOKIE}="), &format!("{COOKIE}=x"), "other=1; ;;=", "=x"] {
        assert_eq!(seen(&[("cookie", value.to_owned())]).await, nothing, "{value}");
    }
}

#[tokio::test]
async fn a_bearer_and_a_cookie_must_agree() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    let (mine, theirs) = (user.token.as_str(), other.token.as_str());
    let session = seen(&[bearer(mine)]).await;
    assert_eq!(seen(&[bearer(mine), cookie(mine)]).await, session);
    for headers in [
        [bearer(mine), cookie(theirs)],
        [bearer(theirs), cookie(mine)],
        [bearer(mine), cookie("x")],
        [bearer("x"), cookie(mine)],
        [bearer(mine), cookie("")],
        [("authorization", String::new()), cookie(mine)],
    ] {
        assert_eq!(seen(&headers).await, json!({}), "{headers:?}");
    }
    // This holds even for two valid sessions of one user.
    let elsewhere = user.on_new_device().await;
    assert_eq!(seen(&[bearer(mine), cookie(&elsewhere.token)]).await, json!({}));
    let both = user.post("/api/auth/sign-out").header("cookie", &cookie(theirs).1);
    both.send().await.fails(401, "Not Authenticated");
    assert!(is_alive(mine).await && is_alive(theirs).await);
}

#[tokio::test]
async fn two_session_cookies_must_agree_and_other_cookies_do_not_matter() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    let (mine, theirs) = (&user.token, &other.token);
    let session = seen(&[bearer(mine)]).await;
    for good in [
        format!("theme=dark; {COOKIE}={mine}; lang=de"),
        format!("{COOKIE}={mine}; {COOKIE}={mine}"),
        // Only with https: over http, a page of another host could have set the cookie.
        format!("__Secure-{COOKIE}={theirs}; {COOKIE}={mine}"),
        format!("{COOKIE}={mine}; X{COOKIE}={theirs}; {COOKIE}x={theirs}"),
    ] {
        assert_eq!(seen(&[("cookie", good.clone())]).await, session, "{good}");
    }
    for bad in [
        format!("{COOKIE}={mine}; {COOKIE}={theirs}"),
        format!("{COOKIE}={theirs}; {COOKIE}={mine}"),
        format!("{COOKIE}={mine}; {COOKIE}="),
        format!("__Secure-{COOKIE}={mine}"),
        format!("{COOKIE}=\"{mine}\""),
        format!("{}={mine}", COOKIE.to_uppercase()),
    ] {
        assert_eq!(seen(&[("cookie", bad.clone())]).await, json!({}), "{bad}");
    }
}

#[tokio::test]
async fn the_scheme_of_a_bearer_has_no_case() {
    let user = User::sign_up().await;
    let session = seen(&[bearer(&user.token)]).await;
    for scheme in ["bearer", "BEARER", "BeArEr"] {
        assert_eq!(seen(&[("authorization", format!("{scheme} {}", user.token))]).await, session);
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_for_good_and_clears_the_cookie() {
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    let answer = Client::new().post("/api/auth/sign-out").header("cookie", &cookie(&user.token).1).send().await;
    answer.is(200, json!({ "success": true, "message": "Signed out" }));
    assert_eq!(cookie_of(&answer).as_deref(), Some(""));
    assert!(!is_alive(&user.token).await && is_alive(&other.token).await);
    user.post("/api/auth/sign-out").send().await.fails(401, "Not Authenticated");
    other.post("/api/auth/sign-out").send().await.ok(200);
    assert!(!is_alive(&other.token).await);
    // The device is still registered and trusted.
    let again = user.sign_in(json!({ "deviceId": user.device })).await.ok(200);
    assert_eq!(again["data"]["device"]["trusted"], true);
    assert!(is_alive(&text(&again["data"]["token"])).await && !is_alive(&user.token).await);
}

#[tokio::test]
async fn a_sign_in_on_the_same_device_takes_the_place_of_the_session_there() {
    let user = User::sign_up().await;
    let again = user.sign_in(json!({ "deviceId": user.device })).await.ok(200);
    let token = text(&again["data"]["token"]);
    assert!(is_alive(&token).await && !is_alive(&user.token).await);
    // An ended session can't end a valid one.
    user.post("/api/auth/sign-out").send().await.fails(401, "Not Authenticated");
    assert!(is_alive(&token).await);
    let devices = Client::new().get("/api/auth/devices").bearer(&token).send().await.ok(200);
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_change_of_password_ends_every_other_session_but_not_the_one_that_made_it() {
    let user = User::sign_up().await;
    let (other, third) = (user.on_trusted_device().await, user.on_new_device().await);
    change_password(&other, PASSWORD, "another password").await.ok(200);
    assert!(is_alive(&other.token).await);
    assert!(!is_alive(&user.token).await && !is_alive(&third.token).await);
    sign_in(&user.username, PASSWORD).await.fails(401, "Invalid credentials");
    let again = sign_in(&user.username, "another password").await.ok(200);
    assert!(is_alive(&text(&again["data"]["token"])).await && is_alive(&other.token).await);
    // Once more: the remaining session survives a second change, and can be ended.
    change_password(&other, "another password", "a third password").await.ok(200);
    assert!(is_alive(&other.token).await && !is_alive(&text(&again["data"]["token"])).await);
    other.post("/api/auth/sign-out").send().await.ok(200);
    assert!(!is_alive(&other.token).await);
}
