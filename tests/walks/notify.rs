//! The functions that notify people. They go first, as every later message causes notifications, too.

use serde_json::json;

use super::Walk;
use crate::support::{ALWAYS, Browser, FaultyStack, SOON, User, eventually, worker_lines};

pub async fn walk(walk: &mut Walk<'_>) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    ann.write(&bob, "A message of a test").await;
    add_line(walk, "notify", 1, "notify, a mail").await;
    add_line(walk, "send-mail", 1, "send-mail").await;
    ann.write(&bob, "A message of a test").await;
    add_line(walk, "send-mail", 2, "send-mail, within ten minutes of a mail").await;
    ann.write(&bob, "A message of a test").await;
    add_line(walk, "send-mail", 3, "send-mail, another one within ten minutes").await;
    let _browsers = [Browser::of(&bob).await, Browser::of(&bob).await];
    ann.write(&bob, "A message of a test").await;
    add_line(walk, "notify", 4, "notify, a mail and pushes").await;
    add_line(walk, "send-push", 1, "send-push, to two browsers").await;
    branches(walk.stack).await;
}

/// The line of that number of a function.
async fn add_line(walk: &mut Walk<'_>, function: &str, number: usize, row: &str) {
    let line = eventually("the worker's line", SOON, async || {
        worker_lines(&walk.stack.stack, function).into_iter().nth(number - 1)
    });
    let line = line.await;
    walk.cost_of_line(row, &line);
}

/// The lines of a function, once it has done that.
async fn has_done(stack: &FaultyStack, function: &str, action: &str) {
    eventually(&format!("{action} by {function}"), SOON, async || {
        let mut lines = worker_lines(&stack.stack, function).into_iter();
        lines.any(|line| line["actions"].to_string().contains(action)).then_some(())
    })
    .await;
}

/// A subscription that has ended, and a record that nobody can read.
async fn branches(stack: &FaultyStack) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let (ended, lives) = (Browser::of(&bob).await, Browser::of(&bob).await);
    let path = ended.endpoint.rsplit('/').next().expect("a path").to_owned();
    let gone = stack.push.when(move |call| call.path.contains(&path)).answer(410, ALWAYS);
    ann.write(&bob, "A message of a test").await;
    lives.has(1).await;
    gone.over().await;
    // A push service that is busy for hours.
    let path = lives.endpoint.rsplit('/').next().expect("a path").to_owned();
    let busy = stack.push.when(move |call| call.path.contains(&path)).put_off(429, 7200, ALWAYS);
    ann.write(&bob, "A message of a test").await;
    has_done(stack, "send-push", "sqs:ChangeMessageVisibility").await;
    busy.over().await;
    let id = "0123456789abcdef01234567";
    let item = json!({ "pk": { "S": "INBOX#nobody" }, "sk": { "S": format!("MSG#{id}") }, "id": { "S": id } });
    stack.write(&[json!({ "PutRequest": { "Item": item } })]).await;
    eventually("a dead letter", SOON, async || (!stack.queue("DeadLetters").is_empty()).then_some(())).await;
    has_done(stack, "notify", "sqs:SendMessage").await;
}
