//! What the worker that tells people is seen to do.

use serde_json::json;

use crate::support::{ALWAYS, Browser, FaultyStack, SOON, User, eventually};

/// Mails and pushes, a subscription that has ended, and a record that nobody can read.
pub async fn scenario(stack: &FaultyStack) {
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
