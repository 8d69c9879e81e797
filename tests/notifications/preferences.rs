//! `GET` and `PATCH /api/v1/notifications/preferences`.

use serde_json::{Value, json};

use super::steps::{NOT_AUTHENTICATED, PREFERENCES, refused};
use crate::support::{Answer, Client, User, all_at_once};

async fn change(user: &User, body: Value) -> Answer {
    user.patch(PREFERENCES).json(&body).send().await
}

#[tokio::test]
async fn a_new_user_is_told_both_ways() {
    let user = User::sign_up().await;
    user.get(PREFERENCES).send().await.is(200, json!({ "messages": { "email": true, "push": true } }));
}

#[tokio::test]
async fn a_change_names_what_it_changes_and_answers_the_whole() {
    let [user, other] = [User::sign_up().await, User::sign_up().await];
    for (given, email, push) in [
        (json!({ "push": false }), true, false),
        (json!({ "email": false }), false, false),
        (json!({ "push": true }), false, true),
        (json!({ "push": true }), false, true),
        (json!({ "push": false, "email": true }), true, false),
    ] {
        let whole = json!({ "messages": { "email": email, "push": push } });
        change(&user, json!({ "messages": given })).await.is(200, whole.clone());
        user.get(PREFERENCES).send().await.is(200, whole);
    }
    assert_eq!(other.preferences().await, json!({ "email": true, "push": true }));
}

#[tokio::test]
async fn two_changes_of_different_things_at_once_both_hold() {
    for _ in 0..5 {
        let user = User::sign_up().await;
        let changes = ["email", "push"].map(|name| {
            let user = user.clone();
            async move { change(&user, json!({ "messages": { name: false } })).await.ok(200) }
        });
        all_at_once(changes).await;
        assert_eq!(user.preferences().await, json!({ "email": false, "push": false }));
    }
}

#[tokio::test]
async fn an_invalid_change_names_the_error_and_changes_nothing() {
    let user = User::sign_up().await;
    let nothing = "Give at least one of messages.email, messages.push";
    for (body, message) in [
        (json!({}), "messages is required"),
        (json!({ "messages": null }), "messages must be an object"),
        (json!({ "messages": true }), "messages must be an object"),
        (json!({ "messages": [false, false] }), "messages must be an object"),
        (json!({ "messages": {} }), nothing),
        (json!({ "messages": { "email": null } }), "messages.email must be true or false"),
        (json!({ "messages": { "email": "false" } }), "messages.email must be true or false"),
        (json!({ "messages": { "push": 0 } }), "messages.push must be true or false"),
        (json!({ "messages": { "email": false, "sms": true } }), "sms is not a known field"),
        (json!({ "messages": { "email": false }, "subscriptions": 0 }), "subscriptions is not a known field"),
    ] {
        println!("{body}");
        refused(&change(&user, body).await, 422, message);
    }
    for (body, message) in [
        ("", "The body is not valid JSON"),
        ("{", "The body is not valid JSON"),
        ("[]", "The body must be a JSON object"),
        (r#"{"messages":{"email":false,"email":true}}"#, "email must be given once"),
        (r#"{"messages":{"email":false},"messages":{}}"#, "messages must be given once"),
    ] {
        let answer = user.patch(PREFERENCES).bytes("application/json", body).send().await;
        refused(&answer, 422, message);
    }
    let form = user.patch(PREFERENCES).bytes("application/x-www-form-urlencoded", "messages=x").send().await;
    refused(&form, 415, "Content-Type must be application/json");
    let large = format!("{{\"messages\":{{\"email\":false}}{}}}", " ".repeat(64 * 1024));
    let large = user.patch(PREFERENCES).bytes("application/json", large).send().await;
    refused(&large, 413, "The body must not be larger than 64 KiB");
    assert_eq!(user.preferences().await, json!({ "email": true, "push": true }));
}

#[tokio::test]
async fn preferences_are_the_signed_in_users_own() {
    let user = User::sign_up().await;
    let body = json!({ "messages": { "email": false } });
    for token in ["", "x", &format!("{}x", user.token)] {
        refused(&Client::new().get(PREFERENCES).bearer(token).send().await, 401, NOT_AUTHENTICATED);
        refused(&Client::new().patch(PREFERENCES).bearer(token).json(&body).send().await, 401, NOT_AUTHENTICATED);
        // A 401 takes precedence over errors of the body.
        refused(&Client::new().patch(PREFERENCES).bearer(token).send().await, 401, NOT_AUTHENTICATED);
    }
    let cookie = format!("next-auth.session-token={}", user.token);
    let by_cookie = Client::new().patch(PREFERENCES).header("cookie", &cookie).json(&body);
    let answer = by_cookie.header("origin", "https://evil.example").send().await;
    refused(&answer, 403, "Requests with a cookie are accepted from our own pages only");
    assert_eq!(user.preferences().await, json!({ "email": true, "push": true }));

    let elsewhere = user.on_new_device().await;
    change(&elsewhere, body).await.ok(200);
    assert_eq!(user.preferences().await, json!({ "email": false, "push": true }));
    user.post("/api/auth/sign-out").send().await.ok(200);
    refused(&user.get(PREFERENCES).send().await, 401, NOT_AUTHENTICATED);
}
