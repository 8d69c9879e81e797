//! Only a session of its owner can read and change an inbox.

use serde_json::json;

use super::{sent, table};
use crate::support::{Call, Client, User, stack_or_skip};

/// Every endpoint of the family that needs a session, without one. With the owner's session, each would change something.
fn calls(message: &str) -> Vec<(&'static str, Call)> {
    let somebody = Client::new();
    let acceptance = json!({ "acceptMessage": false });
    vec![
        ("get-messages", somebody.get("/api/get-messages")),
        ("delete-message", somebody.delete(&format!("/api/delete-message?messageId={message}"))),
        ("patch delete-message", somebody.patch(&format!("/api/delete-message?messageId={message}"))),
        ("delete-message without an id", somebody.delete("/api/delete-message")),
        ("delete-message of no id", somebody.delete("/api/delete-message?messageId=x")),
        ("get-acceptance", somebody.get("/api/accept-messages")),
        ("set-acceptance", somebody.post("/api/accept-messages").json(&acceptance)),
        ("set-acceptance without a body", somebody.post("/api/accept-messages")),
        ("report", somebody.post(&format!("/api/messages/{message}/report"))),
        ("report of no id", somebody.post("/api/messages/x/report")),
        ("block-sender", somebody.post(&format!("/api/messages/{message}/block-sender"))),
        ("get-messages with a bad cursor", somebody.get("/api/get-messages?cursor=x&limit=0")),
    ]
}

/// Asserts that every endpoint refuses in the same words, and that nothing has changed for the user.
async fn refused(user: &User, message: &str, with: impl Fn(Call) -> Call) {
    for (name, call) in calls(message) {
        println!("{name}");
        with(call).send().await.fails(401, "Not Authenticated");
    }
    assert_eq!(super::ids(&user.inbox().await), [message]);
    let open = user.get("/api/accept-messages").send().await;
    open.is(200, json!({ "success": true, "isAcceptingMessages": true }));
}

#[tokio::test]
async fn without_a_session_nothing_is_shown_or_changed() {
    let user = User::sign_up().await;
    let message = user.received("for its owner only").await;
    let message = super::id(&message);
    let forged = format!("{}x", user.token);
    let header = |name: &'static str, value: String| move |call: Call| call.header(name, &value);
    refused(&user, message, |call| call).await;
    refused(&user, message, header("authorization", format!("Bearer {forged}"))).await;
    refused(&user, message, header("authorization", format!("Basic {}", user.token))).await;
    refused(&user, message, header("authorization", user.token.clone())).await;
    refused(&user, message, header("cookie", format!("next-auth.session-token={forged}"))).await;
    refused(&user, message, header("cookie", format!("session={}", user.token))).await;
    let other = User::sign_up().await;
    let disagree =
        |call: Call| call.bearer(&user.token).header("cookie", &format!("next-auth.session-token={}", other.token));
    refused(&user, message, disagree).await;
}

/// A foreign page can make a browser send its cookie, but the page can't read the answer.
#[tokio::test]
async fn a_cookie_that_another_site_makes_a_browser_send_changes_nothing() {
    let user = User::sign_up().await;
    let message = user.received("for its owner only").await;
    let cookie = format!("next-auth.session-token={}", user.token);
    for header in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        for (name, call) in calls(super::id(&message)).into_iter().filter(|(name, _)| !name.starts_with("get-")) {
            println!("{header:?} {name}");
            let answer = call.header("cookie", &cookie).header(header.0, header.1).send().await;
            answer.fails(403, "Requests with a cookie are accepted from our own pages only");
        }
    }
    refused(&user, super::id(&message), |call| call).await;
    sent(&user.receive("no sender was blocked").await);
}

#[tokio::test]
async fn an_ended_session_is_refused() {
    let user = User::sign_up().await;
    let message = user.received("for its owner only").await;
    let elsewhere = user.on_new_device().await;
    elsewhere.get("/api/get-messages").send().await.ok(200);
    elsewhere.post("/api/auth/sign-out").send().await.ok(200);
    refused(&user, super::id(&message), |call| call.bearer(&elsewhere.token)).await;
}

#[tokio::test]
async fn a_suspended_account_has_no_inbox_until_it_is_active_again() {
    let Some(stack) = stack_or_skip("writes to the table") else { return };
    let user = User::sign_up().await;
    let message = user.received("for its owner only").await;
    for status in ["suspended", "inactive"] {
        table::set_status(stack, &user, status).await;
        for (name, call) in calls(super::id(&message)) {
            println!("{name}");
            call.bearer(&user.token).send().await.fails(401, "Not Authenticated");
        }
    }
    table::set_status(stack, &user, "active").await;
    refused(&user, super::id(&message), |call| call).await;
}
