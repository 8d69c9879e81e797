//! One-time codes of sign-ups: how long, how often and for which address they are valid.

use serde_json::json;

use crate::support::{
    Answer, Client, PASSWORD, User, all_at_once, code_for, line_of, random_email, random_username, send_otp,
    stack_or_skip,
};

use super::{
    steps::{post, registration, sign_up, wrong},
    store::{email_hash, expire_code},
};

async fn try_code(email: &str, code: &str) -> Answer {
    sign_up(&registration(&random_username(), email, code)).await
}

#[tokio::test]
async fn after_4_wrong_tries_the_right_code_is_good() {
    let email = random_email();
    let code = send_otp(&email).await;
    for n in 0..4 {
        try_code(&email, &wrong(&code, n)).await.fails(401, "Invalid OTP");
    }
    try_code(&email, &code).await.ok(201);
}

#[tokio::test]
async fn after_5_wrong_tries_even_the_right_code_is_wrong_and_a_new_one_is_good() {
    let email = random_email();
    let code = send_otp(&email).await;
    for n in 0..5 {
        try_code(&email, &wrong(&code, n)).await.fails(401, "Invalid OTP");
    }
    for _ in 0..2 {
        try_code(&email, &code).await.fails(401, "Invalid OTP");
    }
    let newer = send_otp(&email).await;
    try_code(&email, &newer).await.ok(201);
}

#[tokio::test]
async fn after_20_wrong_tries_at_once_the_right_code_is_wrong() {
    let email = random_email();
    let code = send_otp(&email).await;
    let tries = (0..20).map(|n| {
        let (email, code) = (email.clone(), wrong(&code, n));
        async move { try_code(&email, &code).await }
    });
    all_at_once(tries).await.iter().for_each(|answer| answer.fails(401, "Invalid OTP"));
    try_code(&email, &code).await.fails(401, "Invalid OTP");
}

#[tokio::test]
async fn wrong_tries_are_counted_with_the_same_wrong_code_too_and_with_any_text() {
    let email = random_email();
    let code = send_otp(&email).await;
    let (short, long, joined) = (&code[..5], format!("{code}0"), format!("{}-{}", &code[..3], &code[3..]));
    for guess in [short, &long, &joined, "abcdef", "١٢٣٤٥٦"] {
        try_code(&email, guess).await.fails(401, "Invalid OTP");
    }
    try_code(&email, &code).await.fails(401, "Invalid OTP");
}

#[tokio::test]
async fn a_code_is_good_with_white_space_around_and_within_it() {
    for space in [" ", "    ", "\n", "\r\n", "\t", "\u{a0}", "\u{2009}", "\u{202f}", "\u{3000}", "\u{200b}"] {
        println!("{space:?}");
        let email = random_email();
        let code = send_otp(&email).await;
        let pasted = format!("{space}{}{space}{}{space}", &code[..3], &code[3..]);
        try_code(&email, &pasted).await.ok(201);
    }
    let user = User::sign_up().await;
    let device = user.on_new_device().await;
    let code = format!(" {}\n", code_for(&user.email).await);
    device.post("/api/auth/devices/verify").json(&json!({ "code": code })).send().await.ok(200);
    post("/api/auth/forgot-password", &json!({ "email": format!(" {}\u{a0}", user.email) })).await.ok(200);
    let code = format!("\u{a0}{} ", code_for(&user.email).await);
    let body = json!({ "email": user.email, "code": code, "newPassword": "a new password" });
    post("/api/auth/reset-password", &body).await.ok(200);
}

#[tokio::test]
async fn only_the_newest_code_is_good() {
    let email = random_email();
    let older = send_otp(&email).await;
    let newer = send_otp(&email).await;
    if older != newer {
        try_code(&email, &older).await.fails(401, "Invalid OTP");
    }
    try_code(&email, &newer).await.ok(201);
}

#[tokio::test]
async fn a_new_code_comes_with_new_tries() {
    let email = random_email();
    let older = send_otp(&email).await;
    for n in 0..4 {
        try_code(&email, &wrong(&older, n)).await.fails(401, "Invalid OTP");
    }
    let newer = send_otp(&email).await;
    for n in 0..4 {
        try_code(&email, &wrong(&newer, n)).await.fails(401, "Invalid OTP");
    }
    try_code(&email, &newer).await.ok(201);
}

#[tokio::test]
async fn a_code_for_another_address_is_wrong_and_stays_good_for_its_own() {
    let (mine, theirs) = (random_email(), random_email());
    let code = send_otp(&mine).await;
    try_code(&theirs, &code).await.fails(401, "Invalid OTP");
    let other = send_otp(&theirs).await;
    if other != code {
        try_code(&theirs, &code).await.fails(401, "Invalid OTP");
    }
    try_code(&mine, &code).await.ok(201);
    try_code(&theirs, &other).await.ok(201);
}

#[tokio::test]
async fn an_address_that_never_had_a_code_has_no_right_one() {
    try_code(&random_email(), "000000").await.fails(401, "Invalid OTP");
}

#[tokio::test]
async fn a_code_is_used_up_by_its_success() {
    let email = random_email();
    let code = send_otp(&email).await;
    try_code(&email, &code).await.ok(201);
    for _ in 0..2 {
        // Nobody learns from this that there is an account.
        try_code(&email, &code).await.fails(401, "Invalid OTP");
        try_code(&email, &wrong(&code, 0)).await.fails(401, "Invalid OTP");
    }
}

#[tokio::test]
async fn a_wrong_code_is_answered_alike_for_an_address_with_and_without_an_account() {
    let Some(stack) = stack_or_skip("reads logs") else { return };
    let user = User::sign_up().await;
    let mut answers = Vec::new();
    for email in [&user.email, &random_email()] {
        let answer = try_code(email, "000000").await;
        answer.fails(401, "Invalid OTP");
        let (_, line) = line_of(stack, &answer).await;
        let costs = ["round_trips", "read_units", "write_units", "actions"].map(|name| line[name].clone());
        let headers: Vec<String> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        answers.push((costs, headers));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_used_code_stays_used_after_its_account_is_deleted() {
    let email = random_email();
    let code = send_otp(&email).await;
    let made = try_code(&email, &code).await.ok(201);
    let token = made["data"]["token"].as_str().expect("a token");
    let delete = Client::new().delete("/api/auth/account").bearer(token);
    delete.json(&json!({ "password": PASSWORD })).send().await.ok(200);
    try_code(&email, &code).await.fails(401, "Invalid OTP");
}

#[tokio::test]
async fn an_expired_code_is_wrong() {
    let Some(stack) = stack_or_skip("lets time run out in the table") else { return };
    // The address belonged to a deleted account: from the account's item the test knows the hash under which codes are stored.
    let user = User::sign_up().await;
    let hash = email_hash(stack, &user).await;
    user.delete("/api/auth/account").json(&json!({ "password": user.password })).send().await.ok(200);
    let code = send_otp(&user.email).await;
    expire_code(stack, "sign-up", &hash).await;
    for _ in 0..2 {
        try_code(&user.email, &code).await.fails(401, "Invalid OTP");
    }
    let newer = send_otp(&user.email).await;
    try_code(&user.email, &newer).await.ok(201);
}

#[tokio::test]
async fn codes_are_good_for_nothing_but_what_they_were_sent_for() {
    let email = random_email();
    let code = send_otp(&email).await;
    let user = User::sign_up().await;
    let reset = |email: &str, code: &str| {
        let body = json!({ "email": email, "code": code, "newPassword": "another password" });
        async move { post("/api/auth/reset-password", &body).await }
    };
    reset(&email, &code).await.fails(401, "Invalid OTP");
    post("/api/auth/forgot-password", &json!({ "email": user.email })).await.ok(200);
    let for_password = code_for(&user.email).await;
    let new_device = user.on_new_device().await;
    let for_device = code_for(&user.email).await;
    if for_password != for_device {
        let verify = new_device.post("/api/auth/devices/verify").json(&json!({ "code": for_password })).send().await;
        verify.fails(401, "Invalid OTP");
        reset(&user.email, &for_device).await.fails(401, "Invalid OTP");
    }
    reset(&user.email, &for_password).await.ok(200);
    try_code(&email, &code).await.ok(201);
}
