//! Private messages, and the worker that sweeps media.

use serde_json::{Value, json};

use super::Walk;
use crate::support::{ALWAYS, Answer, FaultyStack, PASSWORD, SOON, User, eventually, sample};

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

pub async fn walk(walk: &mut Walk<'_>) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let first = walk.cost("send-to-user, first message", &text(&ann, &bob, None).await).await;
    let next = walk.cost("send-to-user", &text(&ann, &bob, None).await).await;
    let keyed = walk.cost("send-to-user, with a key", &text(&ann, &bob, Some("key")).await).await;
    // Issue 4: what a text message costs at most.
    for cost in [first, next, keyed] {
        assert!(cost.round_trips <= 2, "{cost:?}");
    }
    walk.cost("send-to-user, repeated", &text(&ann, &bob, Some("key")).await).await;
    let conversation = ann.conversations().await[0]["_id"].as_str().expect("an id").to_owned();
    let reply = json!({ "content": "A message of a test", "type": "text" });
    let reply = bob.patch(&format!("/message/send/{conversation}")).json(&reply).send().await;
    assert!(walk.cost("send-to-conversation", &reply).await.round_trips <= 2);

    let announced = json!({ "type": "image", "contentType": "image/png", "bytes": 5 });
    walk.cost("create-upload", &ann.post("/media/uploads").json(&announced).send().await).await;
    let keyed = ann.post("/media/uploads").json(&announced).key("key").send().await;
    walk.cost("create-upload, with a key", &keyed).await;
    let one = pictures(&ann, &bob, "plain.png", "image/png", 1).await;
    let one = walk.cost("send-to-user, 1 image", &one).await;
    let ten = pictures(&ann, &bob, "plain.png", "image/png", 10).await;
    let ten = walk.cost("send-to-user, 10 images", &ten).await;
    assert_eq!(one.round_trips, ten.round_trips, "images wait for each other");
    let located = pictures(&ann, &bob, "located.jpg", "image/jpeg", 1).await;
    walk.cost("send-to-user, 1 image that tells its place", &located).await;
    let picture = located.processed(200);

    let path = |rest: &str| format!("/conversations/{conversation}/{rest}");
    let upto = json!({ "messageId": picture["_id"] });
    walk.cost("mark-delivered", &bob.post(&path("delivered")).json(&upto).send().await).await;
    walk.cost("mark-seen", &bob.post(&path("seen")).json(&upto).send().await).await;
    walk.cost("list-conversations, one", &bob.get("/conversations").send().await).await;
    let page = bob.get(&path("messages?limit=5")).send().await;
    walk.cost("list-private-messages, 5 of them", &page).await;
    let page: Value = page.processed(200);
    let delete = |n: usize| {
        let id = page["messages"][n]["_id"].as_str().expect("an id");
        ann.delete(&path(&format!("messages/{id}"))).send()
    };
    walk.cost("delete-private-message, 1 image", &delete(0).await).await;
    walk.cost("delete-private-message, text", &taken_back(&ann, &bob, &conversation).await).await;

    let block = |user: &User| format!("/users/{}/block", user.id);
    walk.cost("block-user", &ann.post(&block(&bob)).send().await).await;
    walk.cost("send-to-user, blocked", &text(&bob, &ann, None).await).await;
    walk.cost("list-blocked-users, one", &ann.get("/users/blocked").send().await).await;
    walk.cost("unblock-user", &ann.delete(&block(&bob)).send().await).await;

    let event = include_str!("../../events/clean-up.json");
    walk.stack.stack.invoke("clean-up", event).await.expect("an answer");
    // The event is of an erasure, too.
    let is_sweep = |line: &local::Line| &*line.function == "clean-up" && line.text.contains("s3:DeleteObject");
    let line = walk.stack.stack.logs().lines().into_iter().rfind(is_sweep);
    let line: Value = serde_json::from_str(&line.expect("a line of the worker").text).expect("JSON");
    walk.cost_of_line("clean-up, a sweep of one message", &line);
    branches(walk.stack).await;
}

/// Takes a text back.
async fn taken_back(ann: &User, bob: &User, conversation: &str) -> Answer {
    let message = ann.write(bob, "A message of a test").await;
    let id = message["_id"].as_str().expect("an id");
    ann.delete(&format!("/conversations/{conversation}/messages/{id}")).send().await
}

/// The branches that have no row: media in an answer, refusals, sends that fail halfway, and the ends of conversations.
async fn branches(stack: &FaultyStack) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let message = json!({ "content": "A message of a test", "type": "text" });
    ann.letter(&"0".repeat(24), message.clone()).send().await.ok(400);
    ann.letter(&bob.id, message.clone()).send().await.ok(200);
    let conversation = bob.conversations().await[0]["_id"].as_str().expect("an id").to_owned();
    let answer = |body: &Value| bob.patch(&format!("/message/send/{conversation}")).json(body);
    answer(&message).key("text").send().await.ok(200);
    for (name, content_type) in [("plain.png", "image/png"), ("located.jpg", "image/jpeg")] {
        let upload = bob.upload("image", content_type, &sample(name)).await;
        let body = json!({ "content": name, "type": "image", "media": [{ "publicId": upload }] });
        answer(&body).send().await.ok(200);
    }
    pieces_left(stack, &ann, &bob, &conversation).await;
    ann.get("/users/blocked").send().await.ok(200);
    seen_before_a_message_that_was_taken_back(&ann, &bob).await;
    accounts_deleted(stack, ann, bob).await;
}

/// The count of what was taken back behind the mark.
async fn seen_before_a_message_that_was_taken_back(ann: &User, bob: &User) {
    let (first, _, last) = (ann.write(bob, "1").await, ann.write(bob, "2").await, ann.write(bob, "3").await);
    let path = |rest: &str| format!("/conversations/{}/{rest}", first["conversationId"].as_str().expect("an id"));
    ann.delete(&path(&format!("messages/{}", last["_id"].as_str().expect("an id")))).send().await.ok(200);
    bob.post(&path("seen")).json(&json!({ "messageId": first["_id"] })).send().await.ok(200);
}

/// The end of one conversation by a request, and of another one by the worker.
async fn accounts_deleted(stack: &FaultyStack, ann: User, bob: User) {
    let carl = User::sign_up().await;
    let upload = carl.upload("image", "image/png", &sample("plain.png")).await;
    let message = carl.picture(&ann, "image", &[upload]).send().await.processed(200);
    let delete = async |user: &User| {
        user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await.ok(200);
    };
    delete(&ann).await;
    delete(&bob).await;
    let down = stack.s3.when(|call| call.method == "GET").answer(500, ALWAYS);
    delete(&carl).await;
    down.over().await;
    let conversation = message["conversationId"].as_str().expect("an id");
    eventually("the end of a conversation, and the worker's line about it", SOON, async || {
        let lines = stack.stack.logs().lines();
        let has_ended = |line: &local::Line| &*line.function == "clean-up" && line.text.contains("DeleteItem");
        // The notification of the partner stays for a while.
        let left = stack.stored_with(conversation).await;
        let is_empty =
            left.iter().all(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("NOTIFICATION#")));
        (is_empty && lines.iter().any(has_ended)).then_some(())
    })
    .await;
}

/// Sends that fail when their media are there already, to a user and to a conversation.
async fn pieces_left(stack: &FaultyStack, ann: &User, bob: &User, conversation: &str) {
    let down = stack.dynamodb.when(|call| call.operation == "TransactWriteItems").answer(500, ALWAYS);
    let upload = bob.upload("image", "image/png", &sample("plain.png")).await;
    let body = json!({ "content": "A message of a test", "type": "image", "media": [{ "publicId": upload }] });
    bob.patch(&format!("/message/send/{conversation}")).json(&body).send().await.ok(500);
    bob.letter(&ann.id, body).send().await.ok(500);
    down.over().await;
}
