//! `POST /api/auth/forgot-password` and `POST /api/auth/reset-password`.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    Answer, Client, PASSWORD, User, all_at_once, code_for, mail_for, mails_for, random_email, stack_or_skip,
};

use super::{
    steps::{cookie_of, is_alive, limited, post, sign_in, wrong},
    store::{email_hash, expire_code},
};

const NEW: &str = "a new password";

async fn forgot(email: &str) -> Answer {
    post("/api/auth/forgot-password", &json!({ "email": email })).await
}

async fn reset(email: &str, code: &str, new: &str) -> Answer {
    post("/api/auth/reset-password", &json!({ "email": email, "code": code, "newPassword": new })).await
}

fn on_its_way(answer: &Answer) {
    let message = "If there is an account with this address, a code is on its way to it";
    answer.is(200, json!({ "success": true, "message": message }));
}

/// Requests a code for a new password. Returns it from the mail.
async fn code_of(user: &User) -> String {
    forgot(&user.email).await.ok(200);
    code_for(&user.email).await
}

#[tokio::test]
async fn a_known_and_an_unknown_address_are_told_the_same_at_the_same_time() {
    let (user, unknown) = (User::sign_up().await, random_email());
    let mails = mails_for(&user.email).await.len();
    let (known, none) = (forgot(&user.email).await, forgot(&unknown).await);
    for answer in [&known, &none] {
        on_its_way(answer);
        assert!(answer.took >= Duration::from_millis(500), "{:?}", answer.took);
    }
    let names = |answer: &Answer| {
        let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&known), names(&none));
    for name in ["ratelimit-policy", "content-length"] {
        assert_eq!(known.header(name), none.header(name));
    }
    assert_eq!(mails_for(&unknown).await.len(), 0);
    assert_eq!(mails_for(&user.email).await.len(), mails + 1);
    let (mail, code) = (mail_for(&user.email).await, code_for(&user.email).await);
    for part in ["text", "html"] {
        assert!(mail[part].as_str().is_some_and(|part| part.contains(&code)), "{mail}");
    }
    assert!(mail["subject"].as_str().is_some_and(|subject| subject.contains("password")), "{mail}");
}

#[tokio::test]
async fn the_4th_code_within_10_minutes_is_not_sent_and_nobody_is_told() {
    let user = User::sign_up().await;
    let mails = mails_for(&user.email).await.len();
    for n in 1..=5 {
        on_its_way(&forgot(&user.email).await);
        assert_eq!(mails_for(&user.email).await.len(), mails + n.min(3));
    }
    // The newest code is valid.
    reset(&user.email, &code_for(&user.email).await, NEW).await.ok(200);
}

#[tokio::test]
async fn the_11th_question_within_an_hour_is_refused_to_a_client() {
    let client = Client::new();
    let asks = (0..15).map(|_| {
        let call = client.post("/api/auth/forgot-password").json(&json!({ "email": random_email() }));
        call.send()
    });
    let answers = all_at_once(asks).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((done.len(), refused.len()), (10, 5));
    done.into_iter().for_each(on_its_way);
    for answer in refused {
        limited(answer, "codes", 10, 3600);
    }
}

#[tokio::test]
async fn the_right_code_sets_a_password_and_ends_every_session() {
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    let code = code_of(&user).await;
    reset(&user.email, &wrong(&code, 0), NEW).await.fails(401, "Invalid OTP");
    assert!(is_alive(&user.token).await && is_alive(&other.token).await);
    let answer = reset(&format!(" {} ", user.email), &code, NEW).await;
    let message = "Password set. Every session has ended: sign in with it";
    answer.is(200, json!({ "success": true, "message": message }));
    assert_eq!(cookie_of(&answer), None);
    assert!(!is_alive(&user.token).await && !is_alive(&other.token).await);
    sign_in(&user.username, PASSWORD).await.fails(401, "Invalid credentials");
    sign_in(&user.username, NEW).await.ok(200);
    // Devices keep their trust.
    let user = User { password: NEW.to_owned(), ..user };
    let again = user.sign_in(json!({ "deviceId": user.device })).await.ok(200);
    assert_eq!(again["data"]["device"]["trusted"], true);
}

#[tokio::test]
async fn a_code_is_used_up_by_its_success() {
    let user = User::sign_up().await;
    let code = code_of(&user).await;
    reset(&user.email, &code, NEW).await.ok(200);
    reset(&user.email, &code, "yet another password").await.fails(401, "Invalid OTP");
    sign_in(&user.username, NEW).await.ok(200);
}

#[tokio::test]
async fn of_resets_with_one_code_at_once_exactly_one_is_done() {
    let user = User::sign_up().await;
    let code = code_of(&user).await;
    let resets = (0..8).map(|n| {
        let (email, code) = (user.email.clone(), code.clone());
        async move { reset(&email, &code, &format!("password {n} of eight")).await }
    });
    let mut works = Vec::new();
    for (n, answer) in all_at_once(resets).await.iter().enumerate() {
        match answer.status {
            200 => works.push(n),
            _ => answer.fails(401, "Invalid OTP"),
        }
    }
    let [winner] = works[..] else { panic!("{} resets were done", works.len()) };
    sign_in(&user.username, &format!("password {winner} of eight")).await.ok(200);
    sign_in(&user.username, PASSWORD).await.fails(401, "Invalid credentials");
}

#[tokio::test]
async fn after_5_wrong_codes_even_the_right_one_is_wrong() {
    let user = User::sign_up().await;
    let code = code_of(&user).await;
    let tries = (0..9).map(|n| {
        let (email, code) = (user.email.clone(), wrong(&code, n));
        async move { reset(&email, &code, NEW).await }
    });
    all_at_once(tries).await.iter().for_each(|answer| answer.fails(401, "Invalid OTP"));
    reset(&user.email, &code, NEW).await.fails(401, "Invalid OTP");
    let newer = code_of(&user).await;
    for n in 0..4 {
        reset(&user.email, &wrong(&newer, n), NEW).await.fails(401, "Invalid OTP");
    }
    reset(&user.email, &newer, NEW).await.ok(200);
}

#[tokio::test]
async fn guesses_while_no_code_is_out_lock_nobody_out() {
    let user = User::sign_up().await;
    let nobody = random_email();
    for n in 0..40 {
        reset(&user.email, &format!("{n:06}"), NEW).await.fails(401, "Invalid OTP");
        reset(&nobody, &format!("{n:06}"), NEW).await.fails(401, "Invalid OTP");
    }
    let code = code_of(&user).await;
    let guesses = (0..5).map(|n| {
        let (email, code) = (user.email.clone(), if n == 2 { code.clone() } else { wrong(&code, n) });
        async move { reset(&email, &code, NEW).await.status }
    });
    assert_eq!(all_at_once(guesses).await, [401, 401, 200, 401, 401]);
}

#[tokio::test]
async fn right_codes_do_not_count_as_wrong() {
    let user = User::sign_up().await;
    for n in 0..3 {
        let (code, password) = (code_of(&user).await, format!("password {n} of three"));
        reset(&user.email, &code, &password).await.ok(200);
    }
}

#[tokio::test]
async fn an_older_an_expired_and_anybody_elses_code_is_wrong() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    let older = code_of(&user).await;
    let newer = code_of(&user).await;
    let theirs = code_of(&other).await;
    for bad in [&older, &theirs].into_iter().filter(|bad| **bad != newer) {
        reset(&user.email, bad, NEW).await.fails(401, "Invalid OTP");
    }
    reset(&random_email(), &newer, NEW).await.fails(401, "Invalid OTP");
    let Some(stack) = stack_or_skip("lets time run out in the table") else { return };
    expire_code(stack, "new-password", &email_hash(stack, &user).await).await;
    reset(&user.email, &newer, NEW).await.fails(401, "Invalid OTP");
    sign_in(&user.username, PASSWORD).await.ok(200);
    reset(&other.email, &theirs, NEW).await.ok(200);
}

#[tokio::test]
async fn a_new_password_that_breaks_a_rule_is_refused_and_the_code_stays_good() {
    let user = User::sign_up().await;
    let code = code_of(&user).await;
    for bad in ["", "1234567", &"x".repeat(129)] {
        reset(&user.email, &code, bad).await.fails(400, "newPassword must be 8 to 128 characters");
    }
    reset("ann", &code, NEW).await.fails(400, "email must be an e-mail address");
    assert!(is_alive(&user.token).await);
    reset(&user.email, &code, NEW).await.ok(200);
}
