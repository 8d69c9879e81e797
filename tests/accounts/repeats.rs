//! Replays with an `Idempotency-Key` while the first request is under way: they get its answer.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use uuid::Uuid;

use crate::support::{
    Answer, Client, FaultyStack, PASSWORD, StoreCall, User, all_at_once, random_email, random_username, send_otp,
};

use super::steps::{cookie_of, is_alive, registration, sign_in, text};

/// Matches the first request for which `concerns` is true, and no later one.
fn once(concerns: impl Fn(&StoreCall) -> bool + Send + Sync + 'static) -> impl Fn(&StoreCall) -> bool + Send + Sync {
    let is_over = AtomicBool::new(false);
    move |call| concerns(call) && !is_over.swap(true, Ordering::SeqCst)
}

#[track_caller]
fn alike(answer: &Answer, first: &Answer) {
    assert_eq!((answer.status, answer.text()), (first.status, first.text()));
    assert_eq!(cookie_of(answer), cookie_of(first));
}

/// Sends two sign-ups with one key. The second one finishes while a call of the first one to the store is under way.
async fn overtaken(held: impl Fn(&StoreCall) -> bool + Send + Sync + 'static) {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (email, key) = (random_email(), Uuid::new_v4().to_string());
    let body = registration(&random_username(), &email, &send_otp(&email).await);
    let call = || Client::new().post("/api/sign-up").key(&key).json(&body);
    // Warms up the function, so that the second sign-up finishes before the first one times out.
    for _ in 0..2 {
        let cold = registration(&random_username(), &random_email(), "000000");
        all_at_once((0..2).map(|_| Client::new().post("/api/sign-up").json(&cold).send())).await;
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    let second = call().send();
    let trouble = stack.dynamodb.when(once(held)).first(async move {
        tell.send(second.await).expect("the test listens");
    });
    let first = call().send().await;
    trouble.over().await;
    let second = told.await.expect("an answer");
    let token = text(&second.ok(201)["data"]["token"]);
    alike(&first, &second);
    assert!(is_alive(&token).await);
    stack.stop().await;
}

#[tokio::test]
async fn a_sign_up_that_its_repetition_overtakes_before_its_address_is_looked_up_is_answered_alike() {
    overtaken(|call| call.asks("GetItem", "EMAIL#")).await;
}

#[tokio::test]
async fn a_sign_up_that_its_repetition_overtakes_before_its_code_is_looked_at_is_answered_alike() {
    overtaken(|call| call.asks("TransactWriteItems", "wrong + :one")).await;
}

#[tokio::test]
async fn a_sign_up_that_its_repetition_overtakes_before_it_is_written_is_answered_alike() {
    overtaken(|call| call.asks("TransactWriteItems", "USERNAME#")).await;
}

#[tokio::test]
async fn the_same_sign_in_8_times_at_once_is_answered_alike_also_where_one_try_is_left() {
    let (user, key) = (User::sign_up().await, Uuid::new_v4().to_string());
    for n in 0..9 {
        sign_in(&user.username, &format!("wrong {n}")).await.fails(401, "Invalid credentials");
    }
    let body = json!({ "identifier": user.username, "password": PASSWORD });
    let call = || Client::new().post("/api/auth/sign-in").key(&key).json(&body).send();
    let answers = all_at_once((0..8).map(|_| call())).await;
    let again = call().await;
    let token = text(&again.ok(200)["data"]["token"]);
    for answer in &answers {
        alike(answer, &again);
    }
    assert!(is_alive(&token).await);
    let devices = user.get("/api/auth/devices").send().await.ok(200);
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(2));
    // A replay is answered even when the limit is reached, and right passwords do not count.
    sign_in(&user.username, "the last try").await.fails(401, "Invalid credentials");
    assert_eq!(sign_in(&user.username, PASSWORD).await.status, 429);
    alike(&call().await, &again);
}
