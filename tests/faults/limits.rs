//! Rate limits while the store fails: messages are accepted without a limit, PINs are refused.

use serde_json::{Value, json};

use super::{assert_internal_error, send, sent};
use crate::support::{
    ALWAYS, Client, FaultyStack, Link, PASSWORD, StoreCall, User, code_for, random_email, random_username, send_otp,
};

#[tokio::test]
async fn while_only_the_limit_can_not_be_read_messages_pass_uncounted() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (Link::open().await, Client::new());
    for n in 0..5 {
        sent(&send(&link, &sender, &n.to_string(), None).await);
    }
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#link-messages#")).answer(500, ALWAYS);
    let uncounted = send(&link, &sender, "Uncounted", None).await;
    down.over().await;
    sent(&uncounted);
    assert_eq!((uncounted.header("ratelimit"), uncounted.header("ratelimit-policy")), (None, None));
    send(&link, &sender, "x", None).await.limited("link-messages", 5, 60);
    assert_eq!(link.count().await, 6);
    stack.stop().await;
}

#[tokio::test]
async fn while_only_the_limit_can_not_be_read_links_are_made_uncounted() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#links#")).answer(503, ALWAYS);
    let creator = Client::new();
    let uncounted = creator.post("/api/links").json(&json!({ "title": "x" })).send().await;
    down.over().await;
    let link = Link::from(&uncounted.ok(201));
    assert_eq!(uncounted.header("ratelimit"), None);
    assert_eq!(link.seen().await, link.created);
    let counted = creator.post("/api/links").json(&json!({ "title": "x" })).send().await;
    counted.ok(201);
    assert_eq!(counted.quota("links", 10, 3600).0, 9);
    stack.stop().await;
}

#[tokio::test]
async fn while_attempts_can_not_be_counted_even_the_right_pin_is_refused() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::with(json!({ "pin": "4321" })).await;
    let down = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#pins#")).answer(500, ALWAYS);
    for pin in ["4321", "9999"] {
        let answer = link.send_as(&Client::new(), json!({ "content": "Let me in", "pin": pin })).await;
        assert_internal_error(&stack, &answer, &["Let me in", pin]).await;
    }
    down.over().await;
    assert_eq!(link.count().await, 0);
    sent(&link.send_as(&Client::new(), json!({ "content": "Let me in", "pin": "4321" })).await);
    stack.stop().await;
}

#[tokio::test]
async fn an_attempt_at_a_pin_whose_count_loses_its_answer_counts_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (link, sender) = (Link::with(json!({ "pin": "4321" })).await, Client::new());
    let wrong = || link.send_as(&sender, json!({ "content": "x", "pin": "9999" }));
    let lost = stack.dynamodb.when(|call| call.asks("UpdateItem", "LIMIT#pins#")).lose_the_answer(1);
    wrong().await.refused(401, "Wrong PIN");
    lost.over().await;
    for _ in 0..9 {
        wrong().await.refused(401, "Wrong PIN");
    }
    wrong().await.limited("pins", 10, 900);
    stack.stop().await;
}

#[tokio::test]
async fn a_right_pin_is_accepted_even_when_its_attempt_can_not_be_refunded() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::with(json!({ "pin": "4321" })).await;
    let is_release = |call: &StoreCall| call.asks("UpdateItem", "LIMIT#pins#") && call.body.contains("REMOVE");
    let down = stack.dynamodb.when(is_release).answer(500, ALWAYS);
    sent(&link.send_as(&Client::new(), json!({ "content": "x", "pin": "4321" })).await);
    down.over().await;
    assert_eq!(link.count().await, 1);
    stack.stop().await;
}

/// Sets how many failures a ceiling has counted in the hour of the only one so far.
async fn raise(stack: &FaultyStack, limit: &str, count: u32) {
    let mut item = stack.stored_with(&format!("LIMIT#{limit}#")).await.pop().expect("a count of failures");
    let is_hour = |name: &&String| name.strip_prefix('h').is_some_and(|hour| hour.parse::<u64>().is_ok());
    let hour = item.as_object().expect("an item").keys().find(is_hour).expect("an hour").clone();
    item[hour] = json!({ "N": count.to_string() });
    stack.write(&[json!({ "PutRequest": { "Item": item } })]).await;
}

/// An IPv6 network of one customer has 65,536 clients, each with ten tries.
#[tokio::test]
async fn all_clients_together_have_1000_wrong_pins_a_day_on_a_link() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let link = Link::with(json!({ "pin": "4321" })).await;
    let guess = async |pin: &str| link.send_as(&Client::new(), json!({ "content": "x", "pin": pin })).await;
    guess("9999").await.refused(401, "Wrong PIN");
    raise(&stack, "link-pins", 999).await;
    sent(&guess("4321").await);
    guess("9999").await.refused(401, "Wrong PIN");
    guess("4321").await.limited("link-pins", 1000, 86_400);
    assert_eq!(link.count().await, 1);
    stack.stop().await;
}

#[tokio::test]
async fn an_address_and_an_account_have_30_wrong_codes_a_day() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let post = async |path: &str, body: Value| Client::new().post(path).json(&body).send().await.status;
    let wrong = |code: &str| if code == "000000" { "000001" } else { "000000" };

    let (email, name) = (random_email(), random_username());
    let code = send_otp(&email).await;
    let sign_up = |otp: &str| json!({ "username": name, "email": email, "password": PASSWORD, "otp": otp });
    assert_eq!(post("/api/sign-up", sign_up(wrong(&code))).await, 401);
    raise(&stack, "sign-up-codes", 30).await;
    assert_eq!(post("/api/sign-up", sign_up(&code)).await, 429);

    let user = User::sign_up().await;
    post("/api/auth/forgot-password", json!({ "email": user.email })).await;
    let code = code_for(&user.email).await;
    let reset = |code: &str| json!({ "email": user.email, "code": code, "newPassword": "another good password" });
    assert_eq!(post("/api/auth/reset-password", reset(wrong(&code))).await, 401);
    raise(&stack, "reset-codes", 30).await;
    assert_eq!(post("/api/auth/reset-password", reset(&code)).await, 429);

    let elsewhere = user.on_new_device().await;
    let code = code_for(&user.email).await;
    let verify = async |code: &str| {
        elsewhere.post("/api/auth/devices/verify").json(&json!({ "code": code })).send().await.status
    };
    assert_eq!(verify(wrong(&code)).await, 401);
    raise(&stack, "device-codes", 30).await;
    assert_eq!(verify(&code).await, 429);
    stack.stop().await;
}
