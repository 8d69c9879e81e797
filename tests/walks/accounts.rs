//! Accounts, and the worker that erases them. Nobody here was ever counted before: a try that finds its place taken tries again.

use std::time::Duration;

use serde_json::{Value, json};

use super::Walk;
use crate::support::{
    ALWAYS, Answer, Client, FaultyStack, PASSWORD, User, code_for, eventually, random_email, random_username, send_otp,
};

const NEW: &str = "another horse battery";

async fn post(path: &str, body: &Value, key: Option<&str>) -> Answer {
    let call = Client::new().post(path).json(body);
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

async fn registration() -> Value {
    let email = random_email();
    let otp = send_otp(&email).await;
    json!({ "username": random_username(), "email": email, "password": PASSWORD, "otp": otp })
}

pub async fn walk(walk: &mut Walk<'_>) {
    let body = json!({ "email": random_email() });
    walk.cost("send-otp", &post("/api/send-otp", &body, None).await).await;
    let body = json!({ "email": random_email() });
    for row in ["send-otp, with a key", "send-otp, repeated"] {
        walk.cost(row, &post("/api/send-otp", &body, Some("key")).await).await;
    }
    walk.cost("sign-up", &post("/api/sign-up", &registration().await, None).await).await;
    let body = registration().await;
    for row in ["sign-up, with a key", "sign-up, repeated"] {
        walk.cost(row, &post("/api/sign-up", &body, Some("key")).await).await;
    }
    let path = format!("/api/check-username-unique?username={}", random_username());
    walk.cost("check-username", &Client::new().get(&path).send().await).await;

    let user = User::sign_up().await;
    walk.cost("sign-in, known device", &user.sign_in(json!({ "deviceId": user.device })).await).await;
    let user = User::sign_up().await;
    let elsewhere = user.sign_in(json!({})).await;
    walk.cost("sign-in, new device", &elsewhere).await;
    let data = elsewhere.ok(200)["data"].take();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let elsewhere = User { token: text(&data["token"]), device: text(&data["device"]["id"]), ..user.clone() };
    let code = json!({ "code": code_for(&user.email).await });
    walk.cost("verify-device", &elsewhere.post("/api/auth/devices/verify").json(&code).send().await).await;
    walk.cost("list-devices", &user.get("/api/auth/devices").send().await).await;
    walk.cost("get-session", &user.get("/api/auth/session").send().await).await;
    walk.cost("sign-out", &elsewhere.post("/api/auth/sign-out").send().await).await;
    let path = format!("/api/auth/devices/{}", elsewhere.device);
    walk.cost("remove-device", &user.delete(&path).send().await).await;

    let user = User::sign_up().await;
    let body = json!({ "identifier": user.username, "password": PASSWORD, "deviceId": user.device });
    for row in ["sign-in, with a key", "sign-in, repeated"] {
        walk.cost(row, &post("/api/auth/sign-in", &body, Some("key")).await).await;
    }
    walk.cost("sign-in, wrong password", &user.sign_in(json!({ "password": "wrong" })).await).await;
    let user = User::sign_up().await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    walk.cost("change-password", &user.post("/api/auth/change-password").json(&change).send().await).await;
    let forgot = |email: &str| json!({ "email": email });
    walk.cost("forgot-password", &post("/api/auth/forgot-password", &forgot(&user.email), None).await).await;
    let reset = json!({ "email": user.email, "code": code_for(&user.email).await, "newPassword": PASSWORD });
    walk.cost("reset-password", &post("/api/auth/reset-password", &reset, None).await).await;
    let nobody = post("/api/auth/forgot-password", &forgot(&random_email()), None).await;
    walk.cost("forgot-password, unknown address", &nobody).await;
    deletions(walk).await;
    branches(walk.stack).await;
    left_to_the_worker(walk.stack).await;
    closed_by_an_operator(walk.stack).await;
}

/// Without the worker, which would take some of the request's work.
async fn deletions(walk: &mut Walk<'_>) {
    let stack = walk.stack;
    let asleep = stack.streams.when(|call| call.operation == "GetRecords").answer(503, ALWAYS);
    for (row, messages) in [("delete-account, no messages", 0), ("delete-account, 100 messages", 100)] {
        let user = User::sign_up().await;
        stack.fill_inbox(&user.id, messages).await;
        let deletion = user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await;
        walk.cost(row, &deletion).await;
    }
    asleep.over().await;
    let line = eventually("a line of the worker", Duration::from_secs(30), async || {
        let line = stack.stack.logs().lines().into_iter().find(|line| {
            // The stack's own word about failing records is no line of the function's.
            &*line.function == "clean-up" && line.text.starts_with('{')
        });
        line.map(|line| serde_json::from_str(&line.text).expect("JSON"))
    });
    walk.cost_of_line("clean-up, an erasure with nothing left", &line.await);
}

/// Everything that mails a code, with its mail refused.
async fn without_mail(stack: &FaultyStack, user: &User) {
    let down = stack.ses.when(|call| call.mails("")).reject("MessageRejected", ALWAYS);
    let otp = Client::new().post("/api/send-otp").key("no-mail").json(&json!({ "email": random_email() }));
    otp.send().await.ok(500);
    user.sign_in(json!({})).await.ok(200);
    Client::new().post("/api/auth/forgot-password").json(&json!({ "email": user.email })).send().await.ok(200);
    down.over().await;
}

/// The branches that have no row: refusals, and requests that are made a second time.
async fn branches(stack: &FaultyStack) {
    let mut new = registration().await;
    new["otp"] = json!("wrong");
    post("/api/sign-up", &new, None).await.ok(401);
    let mut user = User::sign_up().await;
    new["username"] = json!(user.username);
    new["email"] = json!(user.email);
    new["otp"] = json!("123456");
    post("/api/sign-up", &new, None).await.ok(401);
    without_mail(stack, &user).await;

    let elsewhere = user.on_new_device().await;
    let verify = async |code: &str| {
        elsewhere.post("/api/auth/devices/verify").json(&json!({ "code": code })).send().await.status
    };
    let code = code_for(&user.email).await;
    assert_eq!([verify("000000").await, verify(&code).await, verify(&code).await], [401, 200, 401]);
    user.sign_in(json!({ "deviceId": elsewhere.device })).await.ok(200);

    for (password, status) in [("wrong", 401), (PASSWORD, 200)] {
        let change = json!({ "currentPassword": password, "newPassword": NEW });
        user.post("/api/auth/change-password").json(&change).send().await.ok(status);
    }
    user.password = NEW.to_owned();
    post("/api/auth/forgot-password", &json!({ "email": user.email }), None).await.ok(200);
    let code = code_for(&user.email).await;
    for status in [200, 401] {
        let reset = json!({ "email": user.email, "code": code, "newPassword": PASSWORD });
        post("/api/auth/reset-password", &reset, None).await.ok(status);
    }
}

/// Deletes an account, in part by the request and in part by the worker.
async fn left_to_the_worker(stack: &FaultyStack) {
    let user = User::sign_up().await;
    user.received("A message of a test").await;
    let delete = async |password: &str| {
        user.delete("/api/auth/account").json(&json!({ "password": password })).send().await.status
    };
    assert_eq!(delete("wrong").await, 401);
    let down = stack.dynamodb.when(|call| call.operation == "BatchWriteItem").answer(500, ALWAYS);
    assert_eq!(delete(PASSWORD).await, 200);
    down.over().await;
    // A notification of the message may have been written meanwhile. The second look removes it.
    eventually("the end of the erasure", Duration::from_secs(30), async || {
        let mut left = stack.stored_with(&user.id).await;
        left.retain(|item| item["pk"]["S"] != format!("NOTIFICATION#{}", user.id));
        (left.len() == 1).then_some(())
    })
    .await;
}

/// Closes an account as `scripts/admin` does.
async fn closed_by_an_operator(stack: &FaultyStack) {
    let user = User::sign_up().await;
    let (pk, sk) = (format!("CLOSE#{}", user.id), user.username.to_lowercase());
    stack.write(&[json!({ "PutRequest": { "Item": { "pk": { "S": pk }, "sk": { "S": sk } } } })]).await;
    eventually("the end of an account", Duration::from_secs(30), async || {
        (stack.stored_with(&user.id).await.len() == 1).then_some(())
    })
    .await;
}
