//! The events of accounts and sessions.

use serde_json::json;

use super::{CODE, EMAIL, IDEMPOTENCY_KEY, Seeds, USERNAME};
use crate::support::{PASSWORD, User, Visitor, code_for, random_email, random_username, send_otp, time};

/// The new password of the events.
const NEW_PASSWORD: &str = "a staple that is new";

/// Whether somebody signs in with that password.
async fn signs_in(user: &User, password: &str) -> bool {
    User { password: password.to_owned(), ..user.clone() }.sign_in(json!({})).await.status == 200
}

#[tokio::test]
async fn the_event_of_send_otp_mails_a_code() {
    let email = random_email();
    let seeds = Seeds::default().put(EMAIL, &email).put(IDEMPOTENCY_KEY, &email);
    seeds.send("send-otp").await.is(200, json!({ "success": true, "message": "OTP sent successfully" }));
    assert_eq!(code_for(&email).await.len(), 6);
}

#[tokio::test]
async fn the_event_of_sign_up_makes_an_account() {
    let (username, email) = (random_username(), random_email());
    let code = send_otp(&email).await;
    let seeds =
        Seeds::default().put(USERNAME, &username).put(EMAIL, &email).put(CODE, &code).put(IDEMPOTENCY_KEY, &email);
    let answer = seeds.send("sign-up").await.ok(201);
    let data = &answer["data"];
    assert_eq!((&data["username"], &data["email"]), (&json!(username), &json!(email)));
    assert_eq!(data["device"], json!({ "id": data["device"]["id"], "name": "Ann's laptop", "trusted": true }));
    let session = Visitor::new().get("/api/auth/session").bearer(data["token"].as_str().expect("a token"));
    assert_eq!(session.send().await.ok(200)["user"]["_id"], data["id"]);
}

#[tokio::test]
async fn the_event_of_check_username_tells_whether_it_is_free() {
    let free = Seeds::default().put(USERNAME, &random_username()).send("check-username").await;
    free.is(200, json!({ "success": true, "message": "Username available" }));
    let taken = Seeds::of(&User::sign_up().await).send("check-username").await;
    taken.is(200, json!({ "success": false, "message": "Username already exists" }));
}

#[tokio::test]
async fn the_event_of_sign_in_begins_a_session() {
    let user = User::sign_up().await;
    let answer = Seeds::of(&user).send("sign-in").await.ok(200);
    let data = &answer["data"];
    assert_eq!((&data["user"]["_id"], &answer["message"]), (&json!(user.id), &json!("Signed in")));
    assert_eq!(data["device"], json!({ "id": user.device, "name": "Ann's laptop", "trusted": true }));
    let session = Visitor::new().get("/api/auth/session").bearer(data["token"].as_str().expect("a token"));
    assert_eq!(session.send().await.ok(200)["user"]["username"], user.username);
}

#[tokio::test]
async fn the_event_of_verify_device_makes_a_device_a_trusted_one() {
    let elsewhere = User::sign_up().await.on_new_device().await;
    let code = code_for(&elsewhere.email).await;
    let answer = Seeds::of(&elsewhere).put(CODE, &code).send("verify-device").await.ok(200);
    let device = &answer["data"]["device"];
    assert_eq!((&device["id"], &device["trusted"]), (&json!(elsewhere.device), &json!(true)));
}

#[tokio::test]
async fn the_event_of_list_devices_shows_devices() {
    let user = User::sign_up().await;
    let answer = Seeds::of(&user).send("list-devices").await.ok(200);
    let devices = answer["devices"].as_array().expect("devices");
    let [device] = &devices[..] else { panic!("{answer}") };
    assert_eq!((&device["id"], &device["current"]), (&json!(user.device), &json!(true)));
}

#[tokio::test]
async fn the_event_of_remove_device_ends_its_session() {
    let user = User::sign_up().await;
    user.get("/api/get-messages").send().await.ok(200);
    Seeds::of(&user).send("remove-device").await.is(200, json!({ "success": true, "message": "Device removed" }));
    user.get("/api/get-messages").send().await.fails(401, "Not Authenticated");
}

#[tokio::test]
async fn the_event_of_get_session_shows_who_is_signed_in() {
    let user = User::sign_up().await;
    let answer = Seeds::of(&user).send("get-session").await.ok(200);
    let shown = json!({
        "_id": user.id, "username": user.username, "email": user.email, "isVerified": true, "isAcceptingMessages": true,
    });
    assert_eq!(answer["user"], shown);
    time(&answer["expires"]);
}

#[tokio::test]
async fn the_event_of_sign_out_ends_a_session() {
    let user = User::sign_up().await;
    Seeds::of(&user).send("sign-out").await.is(200, json!({ "success": true, "message": "Signed out" }));
    user.get("/api/auth/session").send().await.is(200, json!({}));
}

#[tokio::test]
async fn the_event_of_change_password_sets_another_password() {
    let user = User::sign_up().await;
    Seeds::of(&user).send("change-password").await.ok(200);
    assert_eq!((signs_in(&user, NEW_PASSWORD).await, signs_in(&user, PASSWORD).await), (true, false));
}

#[tokio::test]
async fn the_events_of_forgot_password_and_reset_password_set_a_new_one() {
    let user = User::sign_up().await;
    let before = code_for(&user.email).await;
    let answer = Seeds::of(&user).send("forgot-password").await.ok(200);
    assert_eq!(answer["success"], true);
    let code = code_for(&user.email).await;
    // By one chance in a million two codes are the same.
    assert_ne!(code, before);
    Seeds::of(&user).put(CODE, &code).send("reset-password").await.ok(200);
    assert_eq!((signs_in(&user, NEW_PASSWORD).await, signs_in(&user, PASSWORD).await), (true, false));
}

#[tokio::test]
async fn the_event_of_delete_account_ends_an_account() {
    let user = User::sign_up().await;
    Seeds::of(&user).send("delete-account").await.is(200, json!({ "success": true, "message": "Account deleted" }));
    user.receive("is there anybody").await.fails(404, "User not found");
    assert!(!signs_in(&user, PASSWORD).await);
}
