//! Attempts at passwords and changes of passwords while DynamoDB fails.

use serde_json::json;

use super::{FAILURES, Loss, assert_degraded, assert_failed, is_alive, limited, sign_in};
use crate::support::{ALWAYS, Answer, Client, FaultyStack, PASSWORD, StoreCall, User, code_for};

const NEW: &str = "another horse battery";

async fn change(user: &User, from: &str, to: &str) -> Answer {
    let body = json!({ "currentPassword": from, "newPassword": to });
    user.post("/api/auth/change-password").json(&body).send().await
}

async fn reset(user: &User, code: &str) -> Answer {
    let body = json!({ "email": user.email, "code": code, "newPassword": NEW });
    Client::new().post("/api/auth/reset-password").json(&body).send().await
}

async fn forgot(user: &User) -> String {
    let body = json!({ "email": user.email });
    Client::new().post("/api/auth/forgot-password").json(&body).send().await.ok(200);
    code_for(&user.email).await
}

/// Which of the two passwords signs the user in.
async fn assert_password(user: &User, right: &str, wrong: &str) {
    sign_in(&user.username, right).await.ok(200);
    sign_in(&user.email, wrong).await.fails(401, "Invalid credentials");
}

fn counts_tries(call: &StoreCall) -> bool {
    ["LIMIT#passwords", "LIMIT#proofs#"].iter().any(|limit| call.asks("UpdateItem", limit))
}

#[tokio::test]
async fn while_attempts_can_not_be_counted_even_the_right_password_is_refused() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let of_account = |call: &StoreCall| call.asks("UpdateItem", "LIMIT#passwords#");
    let of_client = |call: &StoreCall| call.asks("UpdateItem", "LIMIT#passwords-by-client#");
    for (n, password) in [PASSWORD, "not the password", PASSWORD, "not the password"].into_iter().enumerate() {
        let failing = if n < 2 { stack.dynamodb.when(of_account) } else { stack.dynamodb.when(of_client) };
        let down = FAILURES[n % FAILURES.len()].of(failing, ALWAYS);
        let answer = sign_in(&user.username, password).await;
        down.over().await;
        assert_failed(&stack, &answer, &[password, &user.username, &user.email]).await;
        assert_eq!(answer.header("set-cookie"), None);
    }
    let down = stack.dynamodb.when(counts_tries).answer(500, ALWAYS);
    assert_failed(&stack, &change(&user, PASSWORD, NEW).await, &[PASSWORD, NEW]).await;
    let deletion = user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await;
    assert_failed(&stack, &deletion, &[PASSWORD]).await;
    down.over().await;

    let devices = user.get("/api/auth/devices").send().await.ok(200);
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(1), "{devices}");
    assert_password(&user, PASSWORD, NEW).await;
    stack.stop().await;
}

#[tokio::test]
async fn an_attempt_at_a_password_whose_count_loses_its_answer_counts_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let lost = stack.dynamodb.when(counts_tries).lose_the_answer(2);
    sign_in(&user.username, "not the password").await.fails(401, "Invalid credentials");
    assert_eq!(lost.over().await, 2);
    for _ in 0..9 {
        sign_in(&user.username, "not the password").await.fails(401, "Invalid credentials");
    }
    limited(&sign_in(&user.username, PASSWORD).await, "passwords");
    stack.stop().await;
}

#[tokio::test]
async fn a_right_password_signs_in_even_when_its_attempt_can_not_be_refunded() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let down = stack.dynamodb.when(|call| counts_tries(call) && call.body.contains("REMOVE")).answer(500, ALWAYS);
    let (signed_in, changed) = (sign_in(&user.username, PASSWORD).await, change(&user, PASSWORD, NEW).await);
    down.over().await;
    for answer in [signed_in, changed] {
        answer.ok(200);
        assert_degraded(&stack, &answer, "UpdateItem").await;
    }
    assert_password(&user, NEW, PASSWORD).await;
    stack.stop().await;
}

#[tokio::test]
async fn a_sign_in_whose_answer_from_the_store_is_lost_is_one() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    for (loss, key) in [(Loss::Ended, None), (Loss::Ended, Some("key")), (Loss::Silence, None)] {
        println!("{loss:?}, {key:?}");
        let signs_in = || {
            let body = json!({ "identifier": user.username, "password": PASSWORD });
            let call = Client::new().post("/api/auth/sign-in").json(&body);
            key.into_iter().fold(call, |call, key| call.key(key)).send()
        };
        let lost = loss.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "DEVICE#")), 1);
        let answer = signs_in().await;
        lost.over().await;
        let data = &answer.ok(200)["data"];
        assert!(is_alive(data["token"].as_str().expect("a token")).await);
        assert_eq!(
            stack.stored_with(&format!("DEVICE#{}", data["device"]["id"].as_str().expect("an id"))).await.len(),
            1
        );
        if key.is_some() {
            signs_in().await.is(200, answer.json());
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_change_whose_answer_from_the_store_is_lost_is_made() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let user = User::sign_up().await;
        let elsewhere = user.on_new_device().await;
        let lost = loss.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "password_hash")), 1);
        let answer = change(&user, PASSWORD, NEW).await;
        lost.over().await;
        answer.ok(200);
        assert_eq!((is_alive(&user.token).await, is_alive(&elsewhere.token).await), (true, false));
        assert_password(&user, NEW, PASSWORD).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_the_store_fails_no_password_is_changed() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let elsewhere = user.on_new_device().await;
    for failure in FAILURES {
        println!("{failure:?}");
        let down = failure.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "password_hash")), ALWAYS);
        assert_failed(&stack, &change(&user, PASSWORD, NEW).await, &[PASSWORD, NEW, &user.token]).await;
        down.over().await;
        assert_eq!((is_alive(&user.token).await, is_alive(&elsewhere.token).await), (true, true));
    }
    assert_password(&user, PASSWORD, NEW).await;
    change(&user, PASSWORD, NEW).await.ok(200);
    stack.stop().await;
}

#[tokio::test]
async fn a_reset_whose_answer_from_the_store_is_lost_is_made_and_a_failing_one_leaves_its_code_good() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let code = forgot(&user).await;
    for (operation, text) in
        [("GetItem", "EMAIL#"), ("TransactWriteItems", "SET wrong"), ("TransactWriteItems", "password_hash")]
    {
        println!("{operation} {text}");
        let down = stack.dynamodb.when(move |call| call.asks(operation, text)).answer(503, ALWAYS);
        assert_failed(&stack, &reset(&user, &code).await, &[&user.email, &code, NEW]).await;
        down.over().await;
    }
    assert!(is_alive(&user.token).await);
    let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "password_hash")).lose_the_answer(1);
    reset(&user, &code).await.ok(200);
    lost.over().await;
    assert!(!is_alive(&user.token).await);
    assert_password(&user, NEW, PASSWORD).await;
    reset(&user, &code).await.fails(401, "Invalid OTP");
    stack.stop().await;
}
