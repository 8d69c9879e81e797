//! `DELETE /api/auth/account` while DynamoDB fails, and the worker that finishes what the request could not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{FAILURES, Loss, assert_degraded, assert_failed, is_alive, sign_in};
use crate::inbox::table;
use crate::support::{self, ALWAYS, Answer, Client, Fault, FaultyStack, PASSWORD, SOON, StoreCall, User, eventually};

async fn delete(user: &User) -> Answer {
    user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await
}

#[track_caller]
fn deleted(answer: &Answer) {
    answer.is(200, json!({ "success": true, "message": "Account deleted" }));
}

/// A user with that many messages, two devices, and a blocked sender.
async fn with_messages(stack: &FaultyStack, count: usize) -> User {
    let user = User::sign_up().await;
    user.on_new_device().await;
    let message = user.received("A message of a test").await;
    let id = message["_id"].as_str().expect("an id");
    user.post(&format!("/api/messages/{id}/block-sender")).send().await.ok(200);
    stack.fill_inbox(&user.id, count - 1).await;
    user
}

/// Holds the worker's stream back until the returned sender sends.
fn sleeping_worker(stack: &FaultyStack) -> (Fault, oneshot::Sender<()>) {
    let (wake, woken) = oneshot::channel::<()>();
    let sleeps = stack.streams.when(|call| call.operation == "GetRecords").first(async move {
        woken.await.expect("somebody wakes the worker");
    });
    (sleeps, wake)
}

/// The worker's log lines so far.
fn worker_lines(stack: &FaultyStack) -> Vec<Value> {
    support::worker_lines(&stack.stack, "clean-up")
}

/// The items that still contain the user's id, name or address.
async fn left(stack: &FaultyStack, user: &User) -> Vec<Value> {
    let name = user.username.to_lowercase();
    let shuns = stack.stored_with(&format!("BLOCKEDSENDER#{name}")).await;
    [
        stack.stored_with(&user.id).await,
        stack.stored_with(&user.username).await,
        stack.stored_with(&user.email).await,
        shuns,
    ]
    .concat()
}

/// Whether only two kinds of items contain the user's id: the erasure, and notification states. A worker that was notifying the
/// user may write such a state late; the second look removes it.
async fn is_erased(stack: &FaultyStack, user: &User) -> bool {
    let known = ["ERASE", "NOTIFICATION"].map(|family| format!("{family}#{}", user.id));
    left(stack, user).await.iter().all(|item| known.iter().any(|known| item["pk"]["S"] == *known))
}

async fn erasure(stack: &FaultyStack, user: &User) -> Value {
    stack.stored_with(&format!("ERASE#{}", user.id)).await.into_iter().next().expect("an erasure")
}

/// No answer shows that the account existed, except that its name stays reserved.
async fn assert_gone(user: &User) {
    assert!(!is_alive(&user.token).await);
    user.get("/api/auth/session").send().await.is(200, json!({}));
    for identifier in [&user.username, &user.email] {
        sign_in(identifier, PASSWORD).await.fails(401, "Invalid credentials");
    }
    user.receive("A message to nobody").await.fails(404, "User not found");
    delete(user).await.fails(401, "Not Authenticated");
    let path = format!("/api/check-username-unique?username={}", user.username);
    assert_eq!(Client::new().get(&path).send().await.ok(200)["success"], false);
}

#[tokio::test]
async fn a_deletion_that_could_not_begin_leaves_the_account_as_it_was() {
    let Some(stack) = FaultyStack::start().await else { return };
    let user = User::sign_up().await;
    let message = user.received("A message that stays").await;
    for failure in FAILURES {
        println!("{failure:?}");
        let down = failure.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "ERASE#")), ALWAYS);
        assert_failed(&stack, &delete(&user).await, &[PASSWORD, &user.id, &user.username, &user.email]).await;
        down.over().await;
        assert_eq!(user.inbox().await, std::slice::from_ref(&message));
    }
    sign_in(&user.email, PASSWORD).await.ok(200);
    assert!(worker_lines(&stack).is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_whose_answers_from_the_store_are_lost_is_done_by_the_request_alone() {
    let Some(stack) = FaultyStack::start().await else { return };
    let (sleeps, wake) = sleeping_worker(&stack);
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let user = with_messages(&stack, 130).await;
        let losses = [
            loss.of(stack.dynamodb.when(|call| call.asks("TransactWriteItems", "ERASE#")), 1),
            loss.of(stack.dynamodb.when(|call| call.operation == "BatchWriteItem"), 1),
        ];
        deleted(&delete(&user).await);
        for loss in losses {
            loss.over().await;
        }
        if matches!(loss, Loss::Ended) {
            assert!(is_erased(&stack, &user).await, "{:?}", left(&stack, &user).await);
        }
        assert_gone(&user).await;
    }
    wake.send(()).expect("the worker sleeps");
    sleeps.over().await;
    stack.stop().await;
}

/// Interrupts a deletion by a fault, waits until the worker fails as well, and ends the fault.
async fn interrupted(stack: &FaultyStack, operation: &'static str, calls_before: usize, messages: usize) {
    println!("{operation} after {calls_before} calls");
    let user = with_messages(stack, messages).await;
    let (sleeps, wake) = sleeping_worker(stack);
    let calls = AtomicUsize::new(0);
    let is_late =
        move |call: &StoreCall| call.operation == operation && calls.fetch_add(1, Ordering::SeqCst) >= calls_before;
    let down = stack.dynamodb.when(is_late).answer(500, ALWAYS);
    let answer = delete(&user).await;
    deleted(&answer);
    assert_degraded(stack, &answer, operation).await;
    assert!(!is_erased(stack, &user).await);
    assert_gone(&user).await;

    let before = worker_lines(stack).len();
    wake.send(()).expect("the worker sleeps");
    sleeps.over().await;
    let line = eventually("a try of the worker", SOON, async || worker_lines(stack).into_iter().nth(before)).await;
    assert_eq!((&line["level"], &line["route"], &line["status"]), (&json!("error"), &json!("clean-up"), &json!(500)));
    assert_eq!(line["cause"], format!("{operation}: InternalServerError"));
    assert!(!is_erased(stack, &user).await);
    down.over().await;
    // Waits for the log line first: polling the table all the time would slow down a slow store.
    let line = async || worker_lines(stack).into_iter().skip(before).find(|line| line["status"] == 200);
    let line = eventually("the end of the erasure", SOON, line).await;
    assert_eq!((&line["level"], &line["route"]), (&json!("info"), &json!("clean-up")));
    assert!(is_erased(stack, &user).await, "{:?}", left(stack, &user).await);
    assert_gone(&user).await;
    super::assert_not_logged(
        stack,
        &[&user.id, &user.username, &user.username.to_lowercase(), &user.email, &user.device],
    );
}

#[tokio::test]
async fn a_deletion_that_could_not_find_what_to_erase_is_finished_by_the_worker() {
    let Some(stack) = FaultyStack::start().await else { return };
    interrupted(&stack, "Query", 0, 3).await;
    // The second look at the three partitions.
    interrupted(&stack, "Query", 5, 150).await;
    stack.stop().await;
}

#[tokio::test]
async fn a_deletion_that_could_erase_only_some_of_1500_messages_is_finished_by_the_worker() {
    let Some(stack) = FaultyStack::start().await else { return };
    interrupted(&stack, "BatchWriteItem", 0, 3).await;
    interrupted(&stack, "BatchWriteItem", 14, 1500).await;
    stack.stop().await;
}

#[tokio::test]
async fn a_second_look_removes_what_a_slow_send_left_behind() {
    let Some(stack) = FaultyStack::start().await else { return };
    let user = User::sign_up().await;
    let leaving = user.clone();
    let logs = stack.stack.logs().clone();
    let overtaken = stack.dynamodb.when(|call| call.asks("PutItem", "INBOX#")).first(async move {
        deleted(&delete(&leaving).await);
        let has_looked = |line: &local::Line| &*line.function == "clean-up" && line.text.contains("\"status\":200");
        logs.wait(has_looked, SOON).await.expect("a look of the worker");
    });
    let answer = user.receive("A message that comes too late").await;
    overtaken.over().await;
    assert!([201, 404, 500].contains(&answer.status), "{}", answer.text());
    assert_gone(&user).await;
    assert_eq!(stack.stored_with("A message that comes too late").await.len(), 1, "this is not what is tested");

    stack.expire(&erasure(&stack, &user).await).await;
    let nothing = async || left(&stack, &user).await.is_empty().then_some(());
    eventually("a second look", SOON, nothing).await;
    assert!(worker_lines(&stack).iter().all(|line| line["level"] == "info" && line["status"] == 200));
    stack.stop().await;
}

#[tokio::test]
async fn a_second_look_removes_the_device_of_a_sign_in_that_the_deletion_overtook() {
    let Some(stack) = FaultyStack::start().await else { return };
    let user = User::sign_up().await;
    let (leaving, is_over) = (user.clone(), AtomicBool::new(false));
    let signs_in = move |call: &StoreCall| {
        call.asks("TransactWriteItems", "signed_in_at") && !is_over.swap(true, Ordering::SeqCst)
    };
    let overtaken = stack.dynamodb.when(signs_in).first(async move { deleted(&delete(&leaving).await) });
    let answer = sign_in(&user.username, PASSWORD).await;
    overtaken.over().await;
    if answer.status == 200 {
        assert!(!is_alive(answer.json()["data"]["token"].as_str().expect("a token")).await);
    }
    assert_gone(&user).await;
    stack.expire(&erasure(&stack, &user).await).await;
    let nothing = async || left(&stack, &user).await.is_empty().then_some(());
    eventually("a second look", SOON, nothing).await;
    stack.stop().await;
}

/// What `scripts/admin STACK delete-user` writes.
async fn close(stack: &FaultyStack, user: &User) {
    let (pk, sk) = (format!("CLOSE#{}", user.id), user.username.to_lowercase());
    stack.write(&[json!({ "PutRequest": { "Item": { "pk": { "S": pk }, "sk": { "S": sk } } } })]).await;
}

#[tokio::test]
async fn an_operator_deletes_a_suspended_account_and_no_session_of_it_lives_meanwhile() {
    let Some(stack) = FaultyStack::start().await else { return };
    let user = with_messages(&stack, 30).await;
    table::set_status(&stack.stack, &user, "suspended").await;
    // The first transaction fails. In between, the account is as it was.
    let down = stack.dynamodb.when(|call| call.asks("TransactWriteItems", "ERASE#")).answer(500, 3);
    close(&stack, &user).await;
    eventually("a failed try", SOON, async || {
        worker_lines(&stack).iter().any(|line| line["status"] == 500).then_some(())
    })
    .await;
    assert_eq!(user.get("/api/get-messages").send().await.status, 401);
    eventually("the end of the account", SOON, async || is_erased(&stack, &user).await.then_some(())).await;
    down.over().await;
    assert_gone(&user).await;
    stack.stop().await;
}
