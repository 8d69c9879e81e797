//! Preferences, subscriptions and unsubscribing while DynamoDB fails.

use serde_json::{Value, json};

use super::{FAILURES, Loss, assert_cause_logged};
use crate::notifications::steps::{PREFERENCES, UNSUBSCRIBE, browser, random_endpoint, refused};
use crate::support::{ALWAYS, Answer, Client, FaultyStack, StoreCall, User, text};

/// The documented 500 of the family, and a log line that has the cause and none of `secrets`.
async fn assert_internal_error(stack: &FaultyStack, answer: &Answer, secrets: &[&str]) {
    refused(answer, 500, "Something went wrong on our side. Please try again");
    assert_cause_logged(stack, answer, secrets).await;
}

/// A user's stored subscriptions. Also checks the stored count.
async fn kept(stack: &FaultyStack, user: &User) -> Vec<Value> {
    let items = stack.stored_with(&format!("USER#{}", user.id)).await;
    let starts = |item: &Value, text: &str| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with(text));
    let counted = items.iter().find(|item| starts(item, "PREFERENCES"));
    let counted = counted.map_or(json!("0"), |item| item["subscriptions"]["N"].clone());
    let found: Vec<Value> = items.into_iter().filter(|item| starts(item, "PUSH#")).collect();
    assert_eq!(counted, json!(found.len().to_string()));
    found
}

#[tokio::test]
async fn a_subscription_whose_answer_from_the_store_is_lost_is_kept_and_deleted_once() {
    let Some(stack) = FaultyStack::start().await else { return };
    for (loss, key) in [(Loss::Ended, None), (Loss::Ended, Some("key")), (Loss::Silence, None)] {
        println!("{loss:?}, {key:?}");
        let (user, endpoint) = (User::sign_up().await, random_endpoint());
        let mark = endpoint.clone();
        let lost = loss.of(stack.dynamodb.when(move |call| call.asks("TransactWriteItems", &mark)), 1);
        let call = user.subscribe(&browser(&endpoint));
        let created = key.into_iter().fold(call, |call, key| call.key(key)).send().await.ok(201);
        lost.over().await;
        let stored = kept(&stack, &user).await;
        assert_eq!((stored.len(), &stored[0]["id"]["S"]), (1, &created["id"]));

        let id = text(&created, "id").to_owned();
        let mark = id.clone();
        let lost = loss.of(stack.dynamodb.when(move |call| call.asks("TransactWriteItems", &mark)), 1);
        user.unsubscribe_push(&id).send().await.ok(200);
        lost.over().await;
        assert!(kept(&stack, &user).await.is_empty());
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_the_store_fails_nothing_is_kept_or_deleted() {
    let Some(stack) = FaultyStack::start().await else { return };
    for failure in FAILURES {
        println!("{failure:?}");
        let (user, endpoint) = (User::sign_up().await, random_endpoint());
        let id = user.subscribed(&random_endpoint()).await;
        let path = format!("{UNSUBSCRIBE}?{}", user.unsubscribe_query().await);
        let down = failure.of(stack.dynamodb.when(|call| call.operation == "TransactWriteItems"), ALWAYS);
        let secrets = [endpoint.as_str(), &path, &user.email];
        assert_internal_error(&stack, &user.subscribe(&browser(&endpoint)).key("key").send().await, &secrets).await;
        assert_internal_error(&stack, &user.unsubscribe_push(&id).send().await, &secrets).await;
        assert_internal_error(&stack, &Client::new().post(&path).send().await, &secrets).await;
        down.over().await;
        assert_eq!(kept(&stack, &user).await.len(), 1);
        let down = failure.of(stack.dynamodb.when(|_| true), ALWAYS);
        let body = json!({ "messages": { "email": false } });
        assert_internal_error(&stack, &user.patch(PREFERENCES).json(&body).send().await, &secrets).await;
        assert_internal_error(&stack, &user.get(PREFERENCES).send().await, &secrets).await;
        down.over().await;
        assert_eq!(user.preferences().await, json!({ "email": true, "push": true }));
        // The same request works when the fault is over.
        user.subscribe(&browser(&endpoint)).key("key").send().await.ok(201);
        user.unsubscribe_push(&id).send().await.ok(200);
        Client::new().post(&path).send().await.ok(200);
        assert_eq!((kept(&stack, &user).await.len(), user.preferences().await["email"].clone()), (1, json!(false)));
    }
    stack.stop().await;
}

#[tokio::test]
async fn where_the_one_that_was_to_make_room_is_deleted_meanwhile_there_is_room() {
    let Some(stack) = FaultyStack::start().await else { return };
    let user = User::sign_up().await;
    let out = user.on_new_device().await;
    let unused = out.subscribed(&random_endpoint()).await;
    out.post("/api/auth/sign-out").send().await.ok(200);
    for _ in 1..20 {
        user.subscribed(&random_endpoint()).await;
    }
    let (endpoint, deletion) = (random_endpoint(), user.unsubscribe_push(&unused).send());
    let mark = endpoint.clone();
    let replaces = move |call: &StoreCall| call.asks("TransactWriteItems", &mark) && call.body.contains(&unused);
    let meanwhile = stack.dynamodb.when(replaces).first(async move { drop(deletion.await.ok(200)) });
    user.subscribe(&browser(&endpoint)).send().await.ok(201);
    meanwhile.over().await;
    assert_eq!(kept(&stack, &user).await.len(), 20);
    stack.stop().await;
}

#[tokio::test]
async fn a_change_of_preferences_whose_answer_is_lost_holds() {
    let Some(stack) = FaultyStack::start().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        let user = User::sign_up().await;
        let lost = loss.of(stack.dynamodb.when(|call| call.asks("UpdateItem", "PREFERENCES")), 1);
        let body = json!({ "messages": { "email": false } });
        let whole = json!({ "messages": { "email": false, "push": true } });
        user.patch(PREFERENCES).json(&body).send().await.is(200, whole);
        lost.over().await;
        assert_eq!(user.preferences().await, json!({ "email": false, "push": true }));
    }
    stack.stop().await;
}
