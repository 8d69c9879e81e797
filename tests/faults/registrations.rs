//! `POST /api/sign-up` while DynamoDB fails.

use serde_json::{Value, json};

use super::{FAILURES, Failure, Loss, assert_failed, is_alive, sign_in};
use crate::support::{
    ALWAYS, Answer, Client, FaultyStack, PASSWORD, random_email, random_username, send_otp, whole_number,
};

struct Registration {
    username: String,
    email: String,
    otp: String,
}

impl Registration {
    async fn new() -> Registration {
        let email = random_email();
        Registration { username: random_username(), otp: send_otp(&email).await, email }
    }

    async fn send(&self, key: Option<&str>) -> Answer {
        self.send_with(&self.otp, key).await
    }

    async fn send_with(&self, otp: &str, key: Option<&str>) -> Answer {
        let (username, email) = (&self.username, &self.email);
        let body = json!({ "username": username, "email": email, "password": PASSWORD, "otp": otp });
        let call = Client::new().post("/api/sign-up").json(&body);
        key.into_iter().fold(call, |call, key| call.key(key)).send().await
    }

    /// A wrong code, a different one for each `n`.
    fn wrong(&self, n: u64) -> String {
        format!("{:06}", (whole_number(&self.otp) + 1 + n) % 1_000_000)
    }

    async fn is_free(&self) -> bool {
        let path = format!("/api/check-username-unique?username={}", self.username);
        Client::new().get(&path).send().await.ok(200)["success"] == true
    }

    /// Everything that must never be logged.
    fn secrets(&self) -> [&str; 4] {
        [&self.username, &self.email, &self.otp, PASSWORD]
    }

    /// Asserts that the account exists once, as in the answer, and that its session is valid.
    async fn assert_made(&self, stack: &FaultyStack, answer: &Answer) {
        let body = answer.ok(201);
        let data = &body["data"];
        assert_eq!((&data["username"], &data["email"]), (&json!(self.username), &json!(self.email)));
        assert!(is_alive(text(&data["token"])).await);
        assert_eq!(sign_in(&self.email, PASSWORD).await.ok(200)["data"]["user"]["_id"], data["id"]);
        // The profile, and the claims on the name and on the address. Devices contain neither.
        let items = stack.stored_with(text(&data["id"])).await;
        let of = |start: &str| items.iter().filter(|item| text(&item["pk"]["S"]).starts_with(start)).count();
        assert_eq!((of("USERNAME#"), of("EMAIL#"), of("USER#")), (1, 1, 3), "{items:?}");
        let device = stack.stored_with(text(&data["device"]["id"])).await;
        assert_eq!(device.len(), 1);
        self.send(None).await.fails(401, "Invalid OTP");
    }
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[tokio::test]
async fn an_account_whose_answer_from_the_store_is_lost_is_made_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (loss, key) in [(Loss::Ended, None), (Loss::Ended, Some("key")), (Loss::Silence, None)] {
        println!("{loss:?}, {key:?}");
        let registration = Registration::new().await;
        let name = registration.username.clone();
        let lost = loss.of(stack.dynamodb.when(move |call| call.asks("TransactWriteItems", &name)), 1);
        let answer = registration.send(key).await;
        lost.over().await;
        registration.assert_made(&stack, &answer).await;
        if key.is_some() {
            registration.send(key).await.is(201, answer.json());
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn an_account_none_of_whose_answers_arrives_is_shown_when_it_is_asked_for_again_with_its_key() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let registration = Registration::new().await;
    let name = registration.username.clone();
    let lost = stack.dynamodb.when(move |call| call.asks("TransactWriteItems", &name)).lose_the_answer(ALWAYS);
    assert_failed(&stack, &registration.send(Some("key")).await, &registration.secrets()).await;
    lost.over().await;
    registration.assert_made(&stack, &registration.send(Some("key")).await).await;
    stack.stop().await;
}

#[tokio::test]
async fn while_the_store_fails_no_account_is_made_and_its_code_stays_good() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let calls = [
        ("GetItem", "EMAIL#", Failure::Status(500)),
        ("GetItem", "IDEM#", Failure::NoConnection),
        ("TransactWriteItems", "SET wrong", Failure::Status(503)),
        ("TransactWriteItems", "USERNAME#", Failure::Status(500)),
        ("TransactWriteItems", "USERNAME#", Failure::NoConnection),
    ];
    for (operation, part, failure) in calls {
        println!("{operation} {part} {failure:?}");
        let registration = Registration::new().await;
        let down = failure.of(stack.dynamodb.when(move |call| call.asks(operation, part)), ALWAYS);
        assert_failed(&stack, &registration.send(Some("key")).await, &registration.secrets()).await;
        down.over().await;
        assert!(stack.stored_with(&registration.username).await.is_empty());
        assert!(registration.is_free().await);
        registration.assert_made(&stack, &registration.send(Some("key")).await).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_the_store_fails_nobody_is_told_that_a_name_is_free() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for failure in FAILURES {
        let name = random_username();
        let down = failure.of(stack.dynamodb.when(|call| call.asks("GetItem", "USERNAME#")), ALWAYS);
        let answer = Client::new().get(&format!("/api/check-username-unique?username={name}")).send().await;
        down.over().await;
        assert_failed(&stack, &answer, &[&name]).await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_wrong_code_whose_count_loses_its_answer_counts_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let registration = Registration::new().await;
    let lost = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "SET wrong")).lose_the_answer(1);
    registration.send_with(&registration.wrong(0), None).await.fails(401, "Invalid OTP");
    lost.over().await;
    for n in 1..4 {
        registration.send_with(&registration.wrong(n), None).await.fails(401, "Invalid OTP");
    }
    // After four wrong attempts there is a fifth one.
    registration.assert_made(&stack, &registration.send(None).await).await;
    stack.stop().await;
}
