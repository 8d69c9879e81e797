//! Sessions and devices while DynamoDB fails: a session that can't be read does not count as ended.

use serde_json::json;

use super::{FAILURES, Loss, assert_failed, is_alive};
use crate::support::{ALWAYS, FaultyStack, User, code_for};

#[tokio::test]
async fn a_session_that_can_not_be_read_does_not_count_as_ended() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let paths = ["/api/auth/session", "/api/auth/devices", "/api/get-messages", "/api/accept-messages"];
    for (n, path) in paths.into_iter().enumerate() {
        println!("{path}");
        let part = ["USERNAME#", "DEVICE#"][n % 2];
        let failing = stack.dynamodb.when(move |call| call.asks("GetItem", part));
        let down = FAILURES[n % FAILURES.len()].of(failing, ALWAYS);
        let answer = user.get(path).send().await;
        down.over().await;
        assert_failed(&stack, &answer, &[&user.username, &user.id, &user.token]).await;
        assert_eq!(answer.header("set-cookie"), None);
        user.get(path).send().await.ok(200);
    }
    let down = stack.dynamodb.when(|call| call.asks("GetItem", "PROFILE")).answer(500, ALWAYS);
    assert_failed(&stack, &user.get("/api/auth/session").send().await, &[&user.username]).await;
    down.over().await;
    let down = stack.dynamodb.when(|call| call.asks("Query", "DEVICE#")).answer(500, ALWAYS);
    assert_failed(&stack, &user.get("/api/auth/devices").send().await, &[&user.username]).await;
    down.over().await;
    stack.stop().await;
}

#[tokio::test]
async fn a_sign_out_ends_the_session_also_when_its_answer_is_lost_and_says_so_only_then() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "session_id")).answer(500, ALWAYS);
    assert_failed(&stack, &user.post("/api/auth/sign-out").send().await, &[&user.token]).await;
    down.over().await;
    assert!(is_alive(&user.token).await);
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let elsewhere = user.on_new_device().await;
        let lost = loss.of(stack.dynamodb.when(|call| call.asks("UpdateItem", "session_id")), 1);
        elsewhere.post("/api/auth/sign-out").send().await.ok(200);
        lost.over().await;
        assert_eq!((is_alive(&elsewhere.token).await, is_alive(&user.token).await), (false, true));
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_removed_device_is_gone_if_and_only_if_the_answer_says_so() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let elsewhere = user.on_new_device().await;
    let path = format!("/api/auth/devices/{}", elsewhere.device);
    let down = stack.dynamodb.when(|call| call.asks("DeleteItem", "DEVICE#")).answer(503, ALWAYS);
    assert_failed(&stack, &user.delete(&path).send().await, &[&elsewhere.device, &user.id]).await;
    down.over().await;
    assert!(is_alive(&elsewhere.token).await);
    let lost = stack.dynamodb.when(|call| call.asks("DeleteItem", "DEVICE#")).lose_the_answer(1);
    user.delete(&path).send().await.ok(200);
    lost.over().await;
    assert_eq!((is_alive(&elsewhere.token).await, is_alive(&user.token).await), (false, true));
    stack.stop().await;
}

#[tokio::test]
async fn a_device_is_trusted_once_its_code_is_used_up_and_not_before() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await.on_new_device().await;
    let code = json!({ "code": code_for(&user.email).await });
    let verify = || user.post("/api/auth/devices/verify").json(&code).send();
    let calls = [
        ("GetItem", "LIMIT#device-codes#"),
        ("TransactWriteItems", "SET wrong"),
        ("TransactWriteItems", "SET trusted"),
    ];
    for ((operation, text), failure) in calls.into_iter().zip(FAILURES) {
        println!("{operation} {text} {failure:?}");
        let down = failure.of(stack.dynamodb.when(move |call| call.asks(operation, text)), ALWAYS);
        assert_failed(&stack, &verify().await, &[&user.device, code["code"].as_str().expect("a code")]).await;
        down.over().await;
        let devices = user.get("/api/auth/devices").send().await.ok(200);
        let own_device =
            devices["devices"].as_array().expect("devices").iter().find(|device| device["current"] == true);
        assert_eq!(own_device.expect("the device")["trusted"], false);
    }
    let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "SET trusted")).lose_the_answer(1);
    assert_eq!(verify().await.ok(200)["data"]["device"]["trusted"], true);
    lost.over().await;
    verify().await.fails(401, "Invalid OTP");
    stack.stop().await;
}
