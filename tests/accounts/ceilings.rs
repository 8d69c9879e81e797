//! Ceilings per day on wrong codes. A code takes five tries, so a test would need hours to reach one: it fills the hourly buckets in
//! the table.

use serde_json::json;

use crate::support::{
    Answer, FaultyStack, PASSWORD, User, code_for, random_email, random_username, send_otp, whole_number,
};

use super::steps::{limited, post, registration, sign_in, sign_up, wrong};

const NEW: &str = "a new password";
const DAY: u64 = 24 * 60 * 60;

async fn reset(user: &User, code: &str) -> Answer {
    post("/api/auth/reset-password", &json!({ "email": user.email, "code": code, "newPassword": NEW })).await
}

#[tokio::test]
async fn after_30_wrong_codes_a_day_an_address_gets_no_new_password_until_the_oldest_hour_is_over() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    for user in [&user, &other] {
        post("/api/auth/forgot-password", &json!({ "email": user.email })).await.ok(200);
    }
    let (code, others_code) = (code_for(&user.email).await, code_for(&other.email).await);
    reset(&user, &wrong(&code, 0)).await.fails(401, "Invalid OTP");
    stack.set_failures("reset-codes", &[(22, 28)]).await;
    for n in 1..3 {
        reset(&user, &wrong(&code, n)).await.fails(401, "Invalid OTP");
    }
    for code in [&code, &wrong(&code, 3)] {
        let refused = reset(&user, code).await;
        limited(&refused, "reset-codes", 30, DAY);
        // Its hour began 22 hours ago and counts for a day.
        let wait = whole_number(refused.header("retry-after").expect("a Retry-After header"));
        assert!((1..=2 * 3600).contains(&wait), "Retry-After: {wait}");
    }
    // Other addresses and the password itself are not concerned.
    reset(&other, &others_code).await.ok(200);
    sign_in(&user.username, PASSWORD).await.ok(200);

    stack.set_failures("reset-codes", &[(25, 30), (22, 29)]).await;
    reset(&user, &code).await.ok(200);
    sign_in(&user.username, NEW).await.ok(200);
    stack.stop().await;
}

#[tokio::test]
async fn after_30_wrong_codes_a_day_an_address_can_not_sign_up() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let email = random_email();
    let code = send_otp(&email).await;
    let try_code = async |code: &str| sign_up(&registration(&random_username(), &email, code)).await;
    try_code(&wrong(&code, 0)).await.fails(401, "Invalid OTP");
    stack.set_failures("sign-up-codes", &[(3, 29)]).await;
    try_code(&wrong(&code, 1)).await.fails(401, "Invalid OTP");
    limited(&try_code(&code).await, "sign-up-codes", 30, DAY);
    stack.set_failures("sign-up-codes", &[(3, 29)]).await;
    try_code(&code).await.ok(201);
    stack.stop().await;
}

#[tokio::test]
async fn after_30_wrong_codes_a_day_an_account_trusts_no_device() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let new_device = user.on_new_device().await;
    let code = code_for(&user.email).await;
    let verify =
        async |code: &str| new_device.post("/api/auth/devices/verify").json(&json!({ "code": code })).send().await;
    verify(&wrong(&code, 0)).await.fails(401, "Invalid OTP");
    stack.set_failures("device-codes", &[(10, 20), (3, 9)]).await;
    verify(&wrong(&code, 1)).await.fails(401, "Invalid OTP");
    limited(&verify(&code).await, "device-codes", 30, DAY);
    // Trusted devices stay usable.
    user.get("/api/auth/devices").send().await.ok(200);
    stack.set_failures("device-codes", &[(25, 20), (3, 29)]).await;
    verify(&code).await.ok(200);
    stack.stop().await;
}
