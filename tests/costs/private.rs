//! What private messages cost.

use serde_json::{Value, json};

use super::Costs;
use crate::support::{Answer, User, sample};

async fn text(from: &User, to: &User, key: Option<&str>) -> Answer {
    let call = from.letter(&to.id, json!({ "content": "A message of a test", "type": "text" }));
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

async fn pictures(from: &User, to: &User, name: &str, content_type: &str, count: usize) -> Answer {
    let mut uploads = Vec::new();
    for _ in 0..count {
        uploads.push(from.upload("image", content_type, &sample(name)).await);
    }
    from.picture(to, "image", &uploads).send().await
}

pub async fn measure(costs: &mut Costs<'_>) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let first = costs.add("send-to-user, first message", &text(&ann, &bob, None).await).await;
    let next = costs.add("send-to-user", &text(&ann, &bob, None).await).await;
    let keyed = costs.add("send-to-user, with a key", &text(&ann, &bob, Some("key")).await).await;
    // Issue 4: what a text message costs at most.
    for cost in [first, next, keyed] {
        assert!(cost.round_trips <= 2, "{cost:?}");
    }
    costs.add("send-to-user, repeated", &text(&ann, &bob, Some("key")).await).await;
    let conversation = ann.conversations().await[0]["_id"].as_str().expect("an id").to_owned();
    let reply = json!({ "content": "A message of a test", "type": "text" });
    let reply = bob.patch(&format!("/message/send/{conversation}")).json(&reply).send().await;
    assert!(costs.add("send-to-conversation", &reply).await.round_trips <= 2);

    let announced = json!({ "type": "image", "contentType": "image/png", "bytes": 5 });
    costs.add("create-upload", &ann.post("/media/uploads").json(&announced).send().await).await;
    let keyed = ann.post("/media/uploads").json(&announced).key("key").send().await;
    costs.add("create-upload, with a key", &keyed).await;
    let one = pictures(&ann, &bob, "plain.png", "image/png", 1).await;
    let one = costs.add("send-to-user, 1 image", &one).await;
    let ten = pictures(&ann, &bob, "plain.png", "image/png", 10).await;
    let ten = costs.add("send-to-user, 10 images", &ten).await;
    assert_eq!(one.round_trips, ten.round_trips, "images wait for each other");
    let located = pictures(&ann, &bob, "located.jpg", "image/jpeg", 1).await;
    costs.add("send-to-user, 1 image that tells its place", &located).await;
    let picture = located.processed(200);

    let path = |rest: &str| format!("/conversations/{conversation}/{rest}");
    let upto = json!({ "messageId": picture["_id"] });
    costs.add("mark-delivered", &bob.post(&path("delivered")).json(&upto).send().await).await;
    costs.add("mark-seen", &bob.post(&path("seen")).json(&upto).send().await).await;
    costs.add("list-conversations, one", &bob.get("/conversations").send().await).await;
    let page = bob.get(&path("messages?limit=5")).send().await;
    costs.add("list-private-messages, 5 of them", &page).await;
    let page: Value = page.processed(200);
    let delete = |n: usize| {
        let id = page["messages"][n]["_id"].as_str().expect("an id");
        ann.delete(&path(&format!("messages/{id}"))).send()
    };
    costs.add("delete-private-message, 1 image", &delete(0).await).await;
    costs.add("delete-private-message, text", &taken_back(&ann, &bob, &conversation).await).await;

    let block = |user: &User| format!("/users/{}/block", user.id);
    costs.add("block-user", &ann.post(&block(&bob)).send().await).await;
    costs.add("send-to-user, blocked", &text(&bob, &ann, None).await).await;
    costs.add("list-blocked-users, one", &ann.get("/users/blocked").send().await).await;
    costs.add("unblock-user", &ann.delete(&block(&bob)).send().await).await;

    let event = include_str!("../../events/clean-up.json");
    costs.stack.stack.invoke("clean-up", event).await.expect("an answer");
    // The event is of an erasure, too.
    let is_sweep = |line: &local::Line| &*line.function == "clean-up" && line.text.contains("s3:DeleteObject");
    let line = costs.stack.stack.logs().lines().into_iter().rfind(is_sweep);
    let line: Value = serde_json::from_str(&line.expect("a line of the worker").text).expect("JSON");
    costs.add_line("clean-up, a sweep of one message", &line);
}

/// Takes a text back.
async fn taken_back(ann: &User, bob: &User, conversation: &str) -> Answer {
    let message = ann.write(bob, "A message of a test").await;
    let id = message["_id"].as_str().expect("an id");
    ann.delete(&format!("/conversations/{conversation}/messages/{id}")).send().await
}
