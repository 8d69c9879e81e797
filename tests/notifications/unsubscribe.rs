//! `POST` and `GET /api/v1/notifications/unsubscribe`: a POST unsubscribes, a GET only shows a page that asks.

use serde_json::json;

use super::steps::{PREFERENCES, UNSUBSCRIBE, refused, stored_of};
use crate::support::{Answer, Call, Client, PASSWORD, User};

const DONE: &str = "You will get no more mail about messages";
const BAD: &str = "This link is not valid. Follow it in the mail itself, or sign in to change what you get";

/// A user, and the path of the unsubscribe link in a mail to them.
async fn mailed() -> (User, String) {
    let user = User::sign_up().await;
    let path = format!("{UNSUBSCRIBE}?{}", user.unsubscribe_query().await);
    (user, path)
}

/// The request of a mail program (RFC 8058, section 3.1).
fn one_click(path: &str) -> Call {
    Client::new().post(path).bytes("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click")
}

/// Returns the page, after a check of its security policy: the page may only post to us.
#[track_caller]
fn page(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy").expect("a policy");
    for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.split("; ").any(|found| found == part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
    let told = ["cache-control", "x-content-type-options", "referrer-policy"].map(|name| answer.header(name));
    assert_eq!(told, [Some("no-store"), Some("nosniff"), Some("no-referrer")]);
    assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()) && answer.header("set-cookie").is_none());
    let html = answer.text();
    assert!(html.starts_with("<!doctype html>") && !html.contains("<script") && !html.contains("http"), "{html}");
    html
}

#[tokio::test]
async fn one_click_ends_the_mail_and_nothing_else_without_a_session() {
    let (user, path) = mailed().await;
    user.patch(PREFERENCES).json(&json!({ "messages": { "push": true } })).send().await.ok(200);
    for _ in 0..3 {
        one_click(&path).send().await.is(200, json!({ "message": DONE }));
        assert_eq!(user.preferences().await, json!({ "email": false, "push": true }));
    }
    // The link stays valid as long as the account, even after the user turned mails on again.
    user.patch(PREFERENCES).json(&json!({ "messages": { "email": true, "push": false } })).send().await.ok(200);
    one_click(&path).send().await.ok(200);
    assert_eq!(user.preferences().await, json!({ "email": false, "push": false }));
}

#[tokio::test]
async fn whatever_the_body_is_and_wherever_it_comes_from() {
    let (user, path) = mailed().await;
    let ask = || Client::new().post(&path);
    let calls = [
        ask(),
        ask().bytes("application/json", "{"),
        ask().bytes("multipart/form-data; boundary=x", "--x--"),
        ask().body(vec![0xff; 100_000]),
        // Cookies make no difference, valid or not. Mail programs usually send none.
        ask().header("cookie", "next-auth.session-token=x"),
        ask().header("authorization", "Bearer x"),
        ask().header("origin", "https://mail.example").header("sec-fetch-site", "cross-site"),
    ];
    for call in calls {
        user.patch(PREFERENCES).json(&json!({ "messages": { "email": true } })).send().await.ok(200);
        call.send().await.is(200, json!({ "message": DONE }));
        assert_eq!(user.preferences().await["email"], false);
    }
}

#[tokio::test]
async fn following_the_link_changes_nothing_and_its_page_asks() {
    let (user, path) = mailed().await;
    for _ in 0..3 {
        let html = page(&Client::new().get(&path).raw().await, 200);
        // The form posts to the page's own URL, so the page does not contain the token.
        assert!(html.contains("<form method=\"post\"><button>Send me no more mail</button></form>"), "{html}");
        assert!(!html.contains("token="), "{html}");
    }
    assert_eq!(user.preferences().await, json!({ "email": true, "push": true }));

    let by_hand = one_click(&path).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8").raw().await;
    assert!(page(&by_hand, 200).contains(DONE));
    assert_eq!(user.preferences().await, json!({ "email": false, "push": true }));
}

#[tokio::test]
async fn a_link_that_is_not_ours_is_refused_and_changes_nothing() {
    let (user, path) = mailed().await;
    let (_, token) = path.split_once("token=").expect("a token");
    let mut bad: Vec<String> = vec![
        UNSUBSCRIBE.to_owned(),
        format!("{UNSUBSCRIBE}?token="),
        format!("{UNSUBSCRIBE}?Token={token}"),
        format!("{UNSUBSCRIBE}?token={}", user.id),
        format!("{UNSUBSCRIBE}?token={}", user.token),
        format!("{path}A"),
        format!("{path}="),
        format!("{UNSUBSCRIBE}?token=&token={token}"),
    ];
    for place in (0..token.len()).step_by(5) {
        let other = if token.as_bytes()[place] == b'A' { "B" } else { "A" };
        bad.push(format!("{UNSUBSCRIBE}?token={}{other}{}", &token[..place], &token[place + 1..]));
    }
    for path in bad {
        println!("{path}");
        refused(&one_click(&path).send().await, 400, BAD);
        // A browser's `Accept` header marks a person, who gets a page.
        let by_hand = one_click(&path).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8").raw().await;
        for answer in [by_hand, Client::new().get(&path).raw().await] {
            assert!(page(&answer, 400).contains("This link is not valid"));
        }
    }
    assert_eq!(user.preferences().await, json!({ "email": true, "push": true }));
}

#[tokio::test]
async fn nothing_is_written_for_a_deleted_account() {
    let (user, path) = mailed().await;
    user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    one_click(&path).send().await.is(200, json!({ "message": DONE }));
    let Some(left) = stored_of(&user).await else { return };
    assert!(left.iter().all(|item| item["sk"]["S"] != "PREFERENCES"), "{left:#?}");
}
