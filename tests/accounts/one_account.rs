//! Concurrent sign-ups: exactly one of those for one name or one address succeeds.

use serde_json::{Value, json};

use crate::support::{Answer, Client, all_at_once, random_email, random_username, send_otp};

use super::steps::{cookie_of, is_alive, is_taken, post, registration, session, sign_up, text};

const ANOTHER: &str = "This Idempotency-Key was already used for another request";

/// Addresses with their codes.
async fn proven(count: usize) -> Vec<(String, String)> {
    let proof = || async {
        let email = random_email();
        let code = send_otp(&email).await;
        (email, code)
    };
    all_at_once((0..count).map(|_| proof())).await
}

async fn race(bodies: impl IntoIterator<Item = Value>) -> Vec<Answer> {
    all_at_once(bodies.into_iter().map(|body| async move { sign_up(&body).await })).await
}

#[track_caller]
fn token(answer: &Answer) -> String {
    text(&answer.ok(201)["data"]["token"])
}

#[tokio::test]
async fn of_20_sign_ups_for_one_name_exactly_one_is_done_and_the_losers_keep_their_codes() {
    let (name, proven) = (random_username(), proven(20).await);
    // In any case of the letters.
    let spelled = |n: usize| if n.is_multiple_of(2) { name.clone() } else { name.to_lowercase() };
    let bodies = proven.iter().enumerate().map(|(n, (email, code))| registration(&spelled(n), email, code));
    let answers = race(bodies).await;
    let mut winners = 0;
    let mut losers = Vec::new();
    for ((email, code), answer) in proven.iter().zip(&answers) {
        match answer.status {
            201 => {
                winners += 1;
                assert_eq!(session(&token(answer)).await["user"]["email"], **email);
            }
            _ => {
                answer.fails(409, "Username already exists");
                assert_eq!(cookie_of(answer), None);
                losers.push((email, code));
            }
        }
    }
    assert_eq!((winners, losers.len()), (1, 19));
    assert!(is_taken(&name).await);
    let bodies = losers.iter().map(|(email, code)| registration(&random_username(), email, code));
    for answer in race(bodies).await {
        assert!(is_alive(&token(&answer)).await);
    }
}

#[tokio::test]
async fn of_20_sign_ups_for_one_address_with_one_code_exactly_one_is_done() {
    let (email, names) = (random_email(), (0..20).map(|_| random_username()).collect::<Vec<_>>());
    let code = send_otp(&email).await;
    let answers = race(names.iter().map(|name| registration(name, &email, &code))).await;
    let mut winners = Vec::new();
    for (name, answer) in names.iter().zip(&answers) {
        match answer.status {
            201 => winners.push((name, token(answer))),
            409 => answer.fails(409, "User Already Exists"),
            _ => answer.fails(401, "Invalid OTP"),
        }
        assert_eq!(cookie_of(answer).is_some(), answer.status == 201);
    }
    let [(winner, token)] = &winners[..] else { panic!("{} winners", winners.len()) };
    assert_eq!(session(token).await["user"]["username"], **winner);
    for name in &names {
        assert_eq!(is_taken(name).await, name == *winner, "{name}");
    }
    post("/api/send-otp", &json!({ "email": email })).await.fails(409, "User already registered");
}

#[tokio::test]
async fn the_same_sign_up_10_times_at_once_makes_one_account_and_answers_alike() {
    for _ in 0..3 {
        let (name, email, key) = (random_username(), random_email(), random_email());
        let body = registration(&name, &email, &send_otp(&email).await);
        let call = || Client::new().post("/api/sign-up").key(&key).json(&body).send();
        let answers = all_at_once((0..10).map(|_| call())).await;
        let token = token(&answers[0]);
        for answer in &answers {
            assert_eq!((answer.status, answer.text()), (201, answers[0].text()));
            assert_eq!(cookie_of(answer).as_ref(), Some(&token));
        }
        let again = call().await;
        assert_eq!((again.status, again.text()), (201, answers[0].text()));
        assert_eq!(cookie_of(&again).as_ref(), Some(&token));
        assert!(is_alive(&token).await);
        let devices = Client::new().get("/api/auth/devices").bearer(&token).send().await.ok(200);
        assert_eq!(devices["devices"].as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused_and_shows_nothing() {
    let (name, email, key) = (random_username(), random_email(), random_email());
    let body = registration(&name, &email, &send_otp(&email).await);
    let call = |body: &Value| Client::new().post("/api/sign-up").key(&key).json(body).send();
    call(&body).await.ok(201);
    let mut other = body.clone();
    other["password"] = json!("another password");
    let answer = call(&other).await;
    answer.fails(422, ANOTHER);
    assert_eq!(cookie_of(&answer), None);
    call(&body).await.ok(201);
}

#[tokio::test]
async fn a_refused_sign_up_may_be_tried_again_with_its_key() {
    let (taken, email, key) = (random_username(), random_email(), random_email());
    let [(other, code)] = &proven(1).await[..] else { panic!() };
    sign_up(&registration(&taken, other, code)).await.ok(201);
    let code = send_otp(&email).await;
    let call = |body: Value| Client::new().post("/api/sign-up").key(&key).json(&body).send();
    call(registration(&taken, &email, &code)).await.fails(409, "Username already exists");
    call(registration(&random_username(), &email, &code)).await.ok(201);
}
