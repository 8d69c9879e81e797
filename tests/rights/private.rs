//! Walks the branches of the functions of private messages and of the worker that sweeps media.

use serde_json::json;

use crate::support::{ALWAYS, FaultyStack, PASSWORD, SOON, User, eventually, sample};

pub async fn scenario(stack: &FaultyStack) {
    let [ann, bob] = [User::sign_up().await, User::sign_up().await];
    let letter = json!({ "content": "A message of a test", "type": "text" });
    for _ in 0..2 {
        ann.letter(&bob.id, letter.clone()).key("text").send().await.ok(200);
    }
    ann.letter(&"0".repeat(24), letter.clone()).send().await.ok(400);
    let conversation = bob.conversations().await[0]["_id"].as_str().expect("an id").to_owned();
    let answer = |key| bob.patch(&format!("/message/send/{conversation}")).json(&letter).key(key);
    answer("text").send().await.ok(200);

    let announced = json!({ "type": "image", "contentType": "image/png", "bytes": 5 });
    ann.post("/media/uploads").json(&announced).key("upload").send().await.ok(201);
    for (name, content_type) in [("plain.png", "image/png"), ("located.jpg", "image/jpeg")] {
        for by_conversation in [false, true] {
            let upload = bob.upload("image", content_type, &sample(name)).await;
            let body = json!({ "content": name, "type": "image", "media": [{ "publicId": upload }] });
            let call = match by_conversation {
                true => bob.patch(&format!("/message/send/{conversation}")).json(&body),
                false => bob.letter(&ann.id, body),
            };
            call.send().await.ok(200);
        }
    }
    pieces_left(stack, &ann, &bob, &conversation).await;
    ann.get("/conversations").send().await.ok(200);
    let messages = bob.messages(&conversation).await;
    let message = |n: usize| messages[n]["_id"].as_str().expect("an id");
    for mark in ["delivered", "seen"] {
        let body = json!({ "messageId": message(0) });
        ann.post(&format!("/conversations/{conversation}/{mark}")).json(&body).send().await.ok(200);
    }
    bob.delete(&format!("/conversations/{conversation}/messages/{}", message(0))).send().await.ok(200);
    ann.get("/users/blocked").send().await.ok(200);
    ann.post(&format!("/users/{}/block", bob.id)).send().await.ok(200);
    ann.get("/users/blocked").send().await.ok(200);
    ann.delete(&format!("/users/{}/block", bob.id)).send().await.ok(200);

    let event = include_str!("../../events/clean-up.json");
    stack.stack.invoke("clean-up", event).await.expect("an answer");
    accounts_deleted(stack, ann, bob).await;
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
        // What the partner was told of it stays for a while.
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
