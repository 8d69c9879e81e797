//! What requests of accounts cost. Nobody here was ever counted before: a try that finds its place taken tries again.

use std::time::Duration;

use serde_json::{Value, json};

use super::Costs;
use crate::support::{
    ALWAYS, Answer, PASSWORD, User, Visitor, code_for, eventually, random_email, random_username, send_otp,
};

const NEW: &str = "another horse battery";

async fn post(path: &str, body: &Value, key: Option<&str>) -> Answer {
    let call = Visitor::new().post(path).json(body);
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

async fn registration() -> Value {
    let email = random_email();
    let otp = send_otp(&email).await;
    json!({ "username": random_username(), "email": email, "password": PASSWORD, "otp": otp })
}

pub async fn measure(costs: &mut Costs<'_>) {
    let body = json!({ "email": random_email() });
    costs.add("send-otp", &post("/api/send-otp", &body, None).await).await;
    let body = json!({ "email": random_email() });
    for row in ["send-otp, with a key", "send-otp, repeated"] {
        costs.add(row, &post("/api/send-otp", &body, Some("key")).await).await;
    }
    costs.add("sign-up", &post("/api/sign-up", &registration().await, None).await).await;
    let body = registration().await;
    for row in ["sign-up, with a key", "sign-up, repeated"] {
        costs.add(row, &post("/api/sign-up", &body, Some("key")).await).await;
    }
    let path = format!("/api/check-username-unique?username={}", random_username());
    costs.add("check-username", &Visitor::new().get(&path).send().await).await;

    let user = User::sign_up().await;
    costs.add("sign-in, known device", &user.sign_in(json!({ "deviceId": user.device })).await).await;
    let user = User::sign_up().await;
    let elsewhere = user.sign_in(json!({})).await;
    costs.add("sign-in, new device", &elsewhere).await;
    let data = elsewhere.ok(200)["data"].take();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let elsewhere = User { token: text(&data["token"]), device: text(&data["device"]["id"]), ..user.clone() };
    let code = json!({ "code": code_for(&user.email).await });
    costs.add("verify-device", &elsewhere.post("/api/auth/devices/verify").json(&code).send().await).await;
    costs.add("list-devices", &user.get("/api/auth/devices").send().await).await;
    costs.add("get-session", &user.get("/api/auth/session").send().await).await;
    costs.add("sign-out", &elsewhere.post("/api/auth/sign-out").send().await).await;
    let path = format!("/api/auth/devices/{}", elsewhere.device);
    costs.add("remove-device", &user.delete(&path).send().await).await;

    let user = User::sign_up().await;
    let body = json!({ "identifier": user.username, "password": PASSWORD, "deviceId": user.device });
    for row in ["sign-in, with a key", "sign-in, repeated"] {
        costs.add(row, &post("/api/auth/sign-in", &body, Some("key")).await).await;
    }
    costs.add("sign-in, wrong password", &user.sign_in(json!({ "password": "wrong" })).await).await;
    let user = User::sign_up().await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    costs.add("change-password", &user.post("/api/auth/change-password").json(&change).send().await).await;
    let forgot = |email: &str| json!({ "email": email });
    costs.add("forgot-password", &post("/api/auth/forgot-password", &forgot(&user.email), None).await).await;
    let reset = json!({ "email": user.email, "code": code_for(&user.email).await, "newPassword": PASSWORD });
    costs.add("reset-password", &post("/api/auth/reset-password", &reset, None).await).await;
    let nobody = post("/api/auth/forgot-password", &forgot(&random_email()), None).await;
    costs.add("forgot-password, unknown address", &nobody).await;
    deletions(costs).await;
}

/// Without the worker, which would take some of the request's work.
async fn deletions(costs: &mut Costs<'_>) {
    let stack = costs.stack;
    let asleep = stack.streams.when(|call| call.operation == "GetRecords").answer(503, ALWAYS);
    for (row, messages) in [("delete-account, no messages", 0), ("delete-account, 100 messages", 100)] {
        let user = User::sign_up().await;
        stack.fill_inbox(&user.id, messages).await;
        let deletion = user.delete("/api/auth/account").json(&json!({ "password": PASSWORD })).send().await;
        costs.add(row, &deletion).await;
    }
    asleep.over().await;
    let line = eventually("a line of the worker", Duration::from_secs(30), async || {
        let line = stack.stack.logs().lines().into_iter().find(|line| {
            // The stack's own word about failing records is no line of the function's.
            &*line.function == "clean-up" && line.text.starts_with('{')
        });
        line.map(|line| serde_json::from_str(&line.text).expect("JSON"))
    });
    costs.add_line("clean-up, an erasure with nothing left", &line.await);
}
