//! Addresses that differ only in case are one account, and mail goes to the address as its owner wrote it.

use serde_json::json;

use crate::support::{
    Answer, Client, PASSWORD, all_at_once, code_for, mails_for, random_email, random_username, send_otp,
};

use super::steps::{post, registration, sign_in, sign_up};

/// An address as a telephone's keyboard writes it, and the same in two other spellings.
fn spellings() -> [String; 3] {
    let email = format!("ann.{}", random_email());
    [format!("A{}", &email[1..]), email.clone(), email.to_uppercase()]
}

async fn ask(email: &str) -> Answer {
    post("/api/send-otp", &json!({ "email": email })).await
}

#[tokio::test]
async fn one_account_is_found_by_every_spelling_of_its_address() {
    let [written, lower, upper] = spellings();
    let code = send_otp(&written).await;
    let made = sign_up(&registration(&random_username(), &written, &code)).await.ok(201);
    assert_eq!(made["data"]["email"], written);
    for spelling in [&written, &lower, &upper] {
        let signed_in = sign_in(spelling, PASSWORD).await.ok(200);
        assert_eq!(signed_in["data"]["user"]["email"], written);
    }
    // An address gets three answers in ten minutes, the code above among them.
    for spelling in [&lower, &upper] {
        ask(spelling).await.fails(409, "User already registered");
    }
    assert!(mails_for(&lower).await.is_empty(), "no address is mailed that nobody wrote");
}

#[tokio::test]
async fn a_new_password_is_asked_for_and_set_by_every_spelling_and_mailed_to_the_address_of_record() {
    let [written, lower, upper] = spellings();
    let code = send_otp(&written).await;
    sign_up(&registration(&random_username(), &written, &code)).await.ok(201);
    for (asked, given) in [(&lower, &upper), (&upper, &lower), (&lower, &written)] {
        let before = mails_for(&written).await.len();
        post("/api/auth/forgot-password", &json!({ "email": asked })).await.ok(200);
        assert_eq!(mails_for(&written).await.len(), before + 1);
        let body = json!({ "email": given, "code": code_for(&written).await, "newPassword": "another password" });
        post("/api/auth/reset-password", &body).await.ok(200);
    }
    sign_in(&upper, "another password").await.ok(200);
    for nobody in [&lower, &upper.replace("EXAMPLE.COM", "example.com")] {
        assert!(mails_for(nobody).await.is_empty(), "{nobody}");
    }
}

#[tokio::test]
async fn a_code_is_right_for_every_spelling_and_the_address_of_record_is_the_one_that_it_was_mailed_to() {
    let [written, lower, upper] = spellings();
    let code = send_otp(&written).await;
    let made = sign_up(&registration(&random_username(), &lower, &code)).await.ok(201);
    assert_eq!(made["data"]["email"], written);
    let token = made["data"]["token"].as_str().expect("a token");
    let session = Client::new().get("/api/auth/session").bearer(token).send().await.ok(200);
    assert_eq!(session["user"]["email"], written);
    post("/api/auth/forgot-password", &json!({ "email": upper })).await.ok(200);
    assert_eq!((mails_for(&written).await.len(), mails_for(&lower).await.len()), (2, 0));
}

#[tokio::test]
async fn of_two_codes_for_two_spellings_the_newest_is_good_and_each_was_mailed_as_written() {
    let [written, lower, _] = spellings();
    let older = send_otp(&written).await;
    let newer = send_otp(&lower).await;
    if older != newer {
        sign_up(&registration(&random_username(), &written, &older)).await.fails(401, "Invalid OTP");
    }
    let made = sign_up(&registration(&random_username(), &written, &newer)).await.ok(201);
    assert_eq!(made["data"]["email"], lower);
}

#[tokio::test]
async fn spellings_share_the_limit_of_an_address_and_the_tries_at_its_code() {
    let [written, lower, upper] = spellings();
    let code = send_otp(&written).await;
    for spelling in [&written, &lower, &upper, &lower, &written] {
        let wrong = if code == "000000" { "000001" } else { "000000" };
        sign_up(&registration(&random_username(), spelling, wrong)).await.fails(401, "Invalid OTP");
    }
    sign_up(&registration(&random_username(), &upper, &code)).await.fails(401, "Invalid OTP");
    ask(&lower).await.ok(200);
    ask(&upper).await.ok(200);
    assert_eq!(ask(&written).await.status, 429);
}

#[tokio::test]
async fn sign_ups_at_once_with_spellings_of_one_address_make_one_account() {
    let [written, lower, upper] = spellings();
    let code = send_otp(&written).await;
    let tries = [written, lower, upper].map(|email| {
        let body = registration(&random_username(), &email, &code);
        async move { sign_up(&body).await.status }
    });
    let made = all_at_once(tries).await.into_iter().filter(|status| *status == 201).count();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn wrong_passwords_count_on_one_account_whatever_the_spelling() {
    let [written, lower, upper] = spellings();
    let code = send_otp(&written).await;
    sign_up(&registration(&random_username(), &written, &code)).await.ok(201);
    for n in 0..10 {
        let spelling = [&written, &lower, &upper][n % 3];
        sign_in(spelling, "not the password").await.fails(401, "Invalid credentials");
    }
    assert_eq!(sign_in(&upper, PASSWORD).await.status, 429);
    // So do those on an address that nobody has.
    let [written, lower, upper] = spellings();
    for n in 0..10 {
        sign_in([&written, &lower, &upper][n % 3], PASSWORD).await.fails(401, "Invalid credentials");
    }
    assert_eq!(sign_in(&lower, PASSWORD).await.status, 429);
}

#[tokio::test]
async fn a_deleted_account_frees_every_spelling_of_its_address() {
    let [written, lower, _] = spellings();
    let code = send_otp(&written).await;
    let made = sign_up(&registration(&random_username(), &written, &code)).await.ok(201);
    let token = made["data"]["token"].as_str().expect("a token");
    let delete = Client::new().delete("/api/auth/account").bearer(token);
    delete.json(&json!({ "password": PASSWORD })).send().await.ok(200);
    sign_in(&lower, PASSWORD).await.fails(401, "Invalid credentials");
    let code = send_otp(&lower).await;
    sign_up(&registration(&random_username(), &lower, &code)).await.ok(201);
}
