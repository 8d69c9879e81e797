//! Changes to accounts and inboxes between the reads of a request and its write.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{deletes, is_alive, remaining, sign_in};
use crate::support::{
    Answer, Client, FaultyStack, PASSWORD, StoreCall, User, all_at_once, code_for, mails_for, random_email,
    random_username, send_otp,
};

const NEW: &str = "another horse battery";

/// Matches the first call for which `is_meant` is true, and no later one.
fn first(is_meant: impl Fn(&StoreCall) -> bool + Send + Sync) -> impl Fn(&StoreCall) -> bool + Send + Sync {
    let is_over = AtomicBool::new(false);
    move |call| is_meant(call) && !is_over.swap(true, Ordering::SeqCst)
}

/// Whether a call writes a new session.
fn signs_in(call: &StoreCall) -> bool {
    call.asks("TransactWriteItems", "signed_in_at")
}

async fn change(user: &User, to: &str) -> Answer {
    let body = json!({ "currentPassword": PASSWORD, "newPassword": to });
    user.post("/api/auth/change-password").json(&body).send().await
}

async fn delete(user: &User) -> Answer {
    user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await
}

async fn accept(user: &User, whether: bool) {
    user.post("/api/accept-messages").json(&json!({ "acceptMessage": whether })).send().await.ok(200);
}

async fn otp_with_key(email: &str) -> Answer {
    Client::new().post("/api/send-otp").key("key").json(&json!({ "email": email })).send().await
}

fn registration(username: &str, email: &str, otp: &str) -> Value {
    json!({ "username": username, "email": email, "password": PASSWORD, "otp": otp })
}

async fn sign_up(body: &Value) -> Answer {
    Client::new().post("/api/sign-up").json(body).send().await
}

#[track_caller]
fn token(answer: &Answer) -> String {
    answer.ok(200)["data"]["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_send_that_looks_after_the_inbox_was_closed_is_refused_however_early_it_began() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    let closing = user.clone();
    let looks = first(|call: &StoreCall| call.asks("GetItem", "USERNAME#"));
    let closed = stack.dynamodb.when(looks).first(async move { accept(&closing, false).await });
    user.receive_from(&sender, "A message of a test").await.fails(403, "User is not accepting messages");
    closed.over().await;
    accept(&user, true).await;
    let answer = user.receive_from(&sender, "A message of a test").await;
    answer.ok(201);
    assert_eq!(remaining(&answer, "inbox-messages"), 4);
    stack.stop().await;
}

#[tokio::test]
async fn a_send_that_the_closing_overtakes_is_as_it_was_answered_and_the_last() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let closing = user.clone();
    let closed = stack.dynamodb.when(|call| call.asks("PutItem", "INBOX#")).first(async move {
        accept(&closing, false).await;
        closing.receive("Too late a message").await.fails(403, "User is not accepting messages");
    });
    let answer = user.receive("An overtaken message").await;
    closed.over().await;
    assert!([201, 403].contains(&answer.status), "{}", answer.text());
    assert_eq!(user.inbox().await.len(), usize::from(answer.status == 201));
    user.receive("Too late a message").await.fails(403, "User is not accepting messages");
    stack.stop().await;
}

#[tokio::test]
async fn a_send_that_looks_after_the_account_was_deleted_finds_nobody() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (user, sender) = (User::sign_up().await, Client::new());
    let leaving = user.clone();
    let looks = first(|call: &StoreCall| call.asks("GetItem", "USERNAME#"));
    let deleted = stack.dynamodb.when(looks).first(async move {
        delete(&leaving).await.ok(200);
    });
    user.receive_from(&sender, "A message of a test").await.fails(404, "User not found");
    deleted.over().await;
    assert!(stack.stored_with("A message of a test").await.is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn of_two_password_changes_at_once_exactly_one_is_made() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for _ in 0..5 {
        let user = User::sign_up().await;
        let elsewhere = user.on_new_device().await;
        let changes = [(user.clone(), "the first password"), (elsewhere.clone(), "the second password")];
        let answers = all_at_once(changes.clone().map(|(user, new)| async move { change(&user, new).await })).await;
        let made: Vec<usize> = (0..2).filter(|n| answers[*n].status == 200).collect();
        let [winner] = made[..] else { panic!("{made:?}") };
        let loser = 1 - winner;
        assert!([401, 429].contains(&answers[loser].status), "{}", answers[loser].text());
        assert!(is_alive(&changes[winner].0.token).await && !is_alive(&changes[loser].0.token).await);
        sign_in(&user.username, changes[winner].1).await.ok(200);
        for old in [PASSWORD, changes[loser].1] {
            sign_in(&user.username, old).await.fails(401, "Invalid credentials");
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_sign_in_with_what_was_the_password_until_then_begins_no_session() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    for device in [Value::Null, user.on_new_device().await.device.into()] {
        println!("{device}");
        let user = User::sign_up().await;
        let changing = user.clone();
        let changed = stack.dynamodb.when(first(signs_in)).first(async move {
            change(&changing, NEW).await.ok(200);
        });
        let answer = user.sign_in(json!({ "deviceId": device })).await;
        changed.over().await;
        if answer.status == 200 {
            assert!(!is_alive(&token(&answer)).await, "a session by a password that is none");
        }
        assert!(is_alive(&user.token).await);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_by_what_was_the_password_until_then_deletes_nothing() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    user.received("A message that stays").await;
    let changing = user.clone();
    let changed = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "ERASE#")).first(async move {
        change(&changing, NEW).await.ok(200);
    });
    delete(&user).await.fails(401, "Wrong password");
    changed.over().await;
    assert_eq!(user.inbox().await.len(), 1);
    sign_in(&user.email, NEW).await.ok(200);
    stack.stop().await;
}

#[tokio::test]
async fn a_device_that_is_removed_while_someone_signs_in_on_it_stays_removed() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let (device, owner) = (user.on_new_device().await.device, user.clone());
    let path = format!("/api/auth/devices/{device}");
    let removed = stack.dynamodb.when(first(signs_in)).first(async move {
        owner.delete(&path).send().await.ok(200);
    });
    let answer = user.sign_in(json!({ "deviceId": device })).await;
    removed.over().await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    assert!(stack.stored_with(&format!("DEVICE#{device}")).await.is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn a_code_of_an_earlier_session_trusts_no_later_one() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let elsewhere = user.on_new_device().await;
    let (code, again) = (json!({ "code": code_for(&user.email).await }), elsewhere.clone());
    let verifies = |call: &StoreCall| call.asks("TransactWriteItems", "trusted") && call.body.contains("OTP#device#");
    let (is_done, done) = oneshot::channel();
    let signed_in = stack.dynamodb.when(first(verifies)).first(async move {
        is_done.send(again.sign_in(json!({ "deviceId": again.device })).await).expect("the test waits");
    });
    let answer = elsewhere.post("/api/auth/devices/verify").json(&code).send().await;
    signed_in.over().await;
    answer.fails(401, "Invalid OTP");
    let now = done.await.expect("an answer");
    assert_eq!(now.ok(200)["data"]["device"]["trusted"], false);
    assert!(is_alive(&token(&now)).await && !is_alive(&elsewhere.token).await);
    stack.stop().await;
}

#[tokio::test]
async fn a_sign_up_that_another_overtakes_leaves_nothing_and_keeps_its_code() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (username, mine, theirs) = (random_username(), random_email(), random_email());
    let (my_code, their_code) = (send_otp(&mine).await, send_otp(&theirs).await);
    let other = registration(&username.to_uppercase(), &theirs, &their_code);
    let writes = |call: &StoreCall| call.asks("TransactWriteItems", "USERNAME#");
    let overtaken = stack.dynamodb.when(first(writes)).first(async move {
        sign_up(&other).await.ok(201);
    });
    sign_up(&registration(&username, &mine, &my_code)).await.fails(409, "Username already exists");
    overtaken.over().await;
    assert!(stack.stored_with(&mine).await.is_empty());

    let (first_name, second_name) = (random_username(), random_username());
    let same = registration(&second_name, &mine, &my_code);
    let overtaken = stack.dynamodb.when(first(writes)).first(async move {
        sign_up(&same).await.ok(201);
    });
    sign_up(&registration(&first_name, &mine, &my_code)).await.fails(409, "User Already Exists");
    overtaken.over().await;
    assert!(stack.stored_with(&first_name.to_lowercase()).await.is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn a_code_that_was_mailed_is_good_whatever_became_of_the_one_before_it() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let email = random_email();
    let down = stack.ses.when(|call| call.mails("")).reject("MessageRejected", 1);
    let (to, (is_sent, sent)) = (email.clone(), oneshot::channel());
    let overtaken = stack.dynamodb.when(first(|call: &StoreCall| deletes(call, "OTP#sign-up"))).first(async move {
        is_sent.send(send_otp(&to).await).expect("the test waits");
    });
    otp_with_key(&email).await.fails(500, "Failed to send OTP");
    overtaken.over().await;
    down.over().await;
    let code = sent.await.expect("a code");
    sign_up(&registration(&random_username(), &email, &code)).await.ok(201);
    stack.stop().await;
}

#[tokio::test]
async fn a_repetition_that_meets_its_first_request_never_says_that_a_mail_went_out_that_did_not() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let email = random_email();
    let (to, (is_repeated, repeated)) = (email.clone(), oneshot::channel());
    // The first mail waits for the replay, and then it is refused.
    let mails = first(|call: &StoreCall| call.mails(""));
    let met = stack.ses.when(mails).first(async move {
        is_repeated.send(otp_with_key(&to).await).expect("the test waits");
    });
    let down = stack.ses.when(|call| call.mails("")).reject("MessageRejected", 1);
    otp_with_key(&email).await.fails(500, "Failed to send OTP");
    met.over().await;
    down.over().await;
    let repeated = repeated.await.expect("an answer");
    let mails = mails_for(&email).await.len();
    assert!(repeated.status != 200 || mails == 1, "{}, but no mail went out", repeated.text());
    stack.stop().await;
}
