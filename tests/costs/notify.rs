//! What it costs to tell somebody. Measured first: whatever is written later is told of, too.

use serde_json::Value;

use super::Costs;
use crate::support::{Browser, SOON, User, eventually};

pub async fn measure(costs: &mut Costs<'_>) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    ann.write(&bob, "A message of a test").await;
    add_line(costs, 1, "notify, a mail").await;
    ann.write(&bob, "A message of a test").await;
    add_line(costs, 2, "notify, within ten minutes of a mail").await;
    let _browsers = [Browser::of(&bob).await, Browser::of(&bob).await];
    ann.write(&bob, "A message of a test").await;
    add_line(costs, 3, "notify, pushes to two browsers").await;
}

/// The worker's line of that number.
async fn add_line(costs: &mut Costs<'_>, number: usize, row: &str) {
    let line = eventually("the worker's line", SOON, async || {
        let lines = costs.stack.stack.logs().lines().into_iter();
        let line = lines.filter(|line| &*line.function == "notify").nth(number - 1)?;
        Some(serde_json::from_str::<Value>(&line.text).expect("JSON"))
    });
    let line = line.await;
    costs.add_line(row, &line);
}
