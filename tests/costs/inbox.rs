//! What requests of inboxes cost.

use serde_json::{Value, json};

use super::Costs;
use crate::support::{Answer, User, Visitor};

async fn send(sender: &Visitor, to: &User, key: Option<&str>) -> Answer {
    let body = json!({ "username": to.username, "content": "A message of a test" });
    let call = sender.post("/api/send-message").json(&body);
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

pub async fn measure(costs: &mut Costs<'_>) {
    let (user, sender) = (User::sign_up().await, Visitor::new());
    let plain = costs.add("send-inbox-message", &send(&sender, &user, None).await).await;
    // Issue 3: what a send costs at most.
    assert!(plain.round_trips <= 2 && plain.write_units <= 3.0, "{plain:?}");
    let keyed = costs.add("send-inbox-message, with a key", &send(&sender, &user, Some("key")).await).await;
    costs.add("send-inbox-message, repeated", &send(&sender, &user, Some("key")).await).await;
    let nobody = User { username: "nobody_of_this_name".to_owned(), ..user.clone() };
    costs.add("send-inbox-message, refused", &send(&sender, &nobody, None).await).await;

    let message = user.inbox().await.remove(0);
    let path = |what: &str| format!("/api/messages/{}/{what}", message["_id"].as_str().expect("an id"));
    costs.add("report-inbox-message", &user.post(&path("report")).send().await).await;
    costs.add("block-inbox-sender", &user.post(&path("block-sender")).send().await).await;
    let blocked = costs.add("send-inbox-message, blocked", &send(&sender, &user, None).await).await;
    assert_eq!(blocked, plain, "a blocked sender's messages cost something else");
    let blocked = costs.add("send-inbox-message, blocked, with a key", &send(&sender, &user, Some("k2")).await).await;
    assert_eq!(blocked, keyed, "a blocked sender's messages cost something else");
    costs.add("get-acceptance", &user.get("/api/accept-messages").send().await).await;
    let closed = user.post("/api/accept-messages").json(&json!({ "acceptMessage": false })).send().await;
    costs.add("set-acceptance", &closed).await;
    let user = User::sign_up().await;
    costs.add("list-inbox-messages, no messages", &user.get("/api/get-messages").send().await).await;
    costs.stack.fill_inbox(&user.id, 100).await;
    let page = user.get("/api/get-messages").send().await;
    costs.add("list-inbox-messages, 100 messages", &page).await;
    let page: Value = page.ok(200);
    let path = format!("/api/delete-message?messageId={}", page["messages"][0]["_id"].as_str().expect("an id"));
    costs.add("delete-inbox-message, of 100 messages", &user.delete(&path).send().await).await;

    // What a send costs does not depend on how many messages are there.
    let crowded = send(&Visitor::new(), &user, None).await;
    let cost = costs.add("send-inbox-message, to 100 messages", &crowded).await;
    assert_eq!(cost, plain);
}
