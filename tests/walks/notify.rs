//! The worker that notifies people. It goes first: it notifies of every later message, too.

use serde_json::{Value, json};

use super::Walk;
use crate::support::{ALWAYS, Browser, FaultyStack, SOON, User, eventually};

pub async fn walk(walk: &mut Walk<'_>) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    ann.write(&bob, "A message of a test").await;
    add_line(walk, 1, "notify, a mail").await;
    ann.write(&bob, "A message of a test").await;
    add_line(walk, 2, "notify, within ten minutes of a mail").await;
    let _browsers = [Browser::of(&bob).await, Browser::of(&bob).await];
    ann.write(&bob, "A message of a test").await;
    add_line(walk, 3, "notify, pushes to two browsers").await;
    branches(walk.stack).await;
}

/// The worker's line of that number.
async fn add_line(walk: &mut Walk<'_>, number: usize, row: &str) {
    let line = eventually("the worker's line", SOON, async || {
        let lines = walk.stack.stack.logs().lines().into_iter();
        let line = lines.filter(|line| &*line.function == "notify").nth(number - 1)?;
        Some(serde_json::from_str::<Value>(&line.text).expect("JSON"))
    });
    let line = line.await;
    walk.cost_of_line(row, &line);
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
    let id = "0123456789abcdef01234567";
    let item = json!({ "pk": { "S": "INBOX#nobody" }, "sk": { "S": format!("MSG#{id}") }, "id": { "S": id } });
    stack.write(&[json!({ "PutRequest": { "Item": item } })]).await;
    eventually("the worker's lines about it", SOON, async || {
        let lines = stack.stack.logs().lines();
        let mut lines = lines.iter().filter(|line| &*line.function == "notify");
        lines.any(|line| line.text.contains("sqs:SendMessage")).then_some(())
    })
    .await;
}
