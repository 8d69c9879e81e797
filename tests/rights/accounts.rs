//! Walks the branches of the functions of accounts and of the worker that erases them.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    ALWAYS, FaultyStack, PASSWORD, User, Visitor, code_for, eventually, random_email, random_username, send_otp,
};

const NEW: &str = "another horse battery";

/// Everything that mails a code, with its mail refused.
async fn without_mail(stack: &FaultyStack, user: &User) {
    let down = stack.ses.when(|call| call.mails("")).reject("MessageRejected", ALWAYS);
    let otp = Visitor::new().post("/api/send-otp").key("no-mail").json(&json!({ "email": random_email() }));
    otp.send().await.ok(500);
    user.sign_in(json!({})).await.ok(200);
    Visitor::new().post("/api/auth/forgot-password").json(&json!({ "email": user.email })).send().await.ok(200);
    down.over().await;
}

pub async fn scenario(stack: &FaultyStack) {
    let email = random_email();
    for _ in 0..2 {
        Visitor::new().post("/api/send-otp").key("otp").json(&json!({ "email": email })).send().await.ok(200);
    }
    let wrong = json!({ "username": random_username(), "email": email, "password": PASSWORD, "otp": "wrong" });
    Visitor::new().post("/api/sign-up").json(&wrong).send().await.ok(401);
    let right = json!({
        "username": random_username(), "email": email, "password": PASSWORD, "otp": code_for(&email).await,
    });
    for _ in 0..2 {
        Visitor::new().post("/api/sign-up").key("sign-up").json(&right).send().await.ok(201);
    }
    let mut user = User::sign_up().await;
    without_mail(stack, &user).await;
    let taken = json!({
        "username": user.username, "email": email, "password": PASSWORD, "otp": "123456",
    });
    Visitor::new().post("/api/sign-up").json(&taken).send().await.ok(409);
    Visitor::new().get(&format!("/api/check-username-unique?username={}", user.username)).send().await.ok(200);

    user.sign_in(json!({ "password": "wrong" })).await.ok(401);
    for _ in 0..2 {
        let body = json!({ "identifier": user.email, "password": PASSWORD });
        Visitor::new().post("/api/auth/sign-in").key("sign-in").json(&body).send().await.ok(200);
    }
    let elsewhere = user.on_new_device().await;
    let verify = async |code: &str| {
        elsewhere.post("/api/auth/devices/verify").json(&json!({ "code": code })).send().await.status
    };
    let code = code_for(&user.email).await;
    assert_eq!([verify("000000").await, verify(&code).await, verify(&code).await], [401, 200, 401]);
    user.sign_in(json!({ "deviceId": elsewhere.device })).await.ok(200);
    user.get("/api/auth/devices").send().await.ok(200);
    user.get("/api/auth/session").send().await.ok(200);
    user.delete(&format!("/api/auth/devices/{}", elsewhere.device)).send().await.ok(200);
    user.on_new_device().await.post("/api/auth/sign-out").send().await.ok(200);

    for (password, status) in [("wrong", 401), (PASSWORD, 200)] {
        let change = json!({ "currentPassword": password, "newPassword": NEW });
        user.post("/api/auth/change-password").json(&change).send().await.ok(status);
    }
    user.password = NEW.to_owned();
    let forgot = json!({ "email": user.email });
    Visitor::new().post("/api/auth/forgot-password").json(&forgot).send().await.ok(200);
    let code = code_for(&user.email).await;
    for status in [200, 401] {
        let reset = json!({ "email": user.email, "code": code, "newPassword": PASSWORD });
        Visitor::new().post("/api/auth/reset-password").json(&reset).send().await.ok(status);
    }
    send_otp(&random_email()).await;
}

/// Deletes an account, in part by the request and in part by the worker.
pub async fn end(stack: &FaultyStack) {
    let user = User::sign_up().await;
    user.received("A message of a test").await;
    let delete = async |password: &str| {
        user.delete("/api/auth/account").json(&json!({ "password": password })).send().await.status
    };
    assert_eq!(delete("wrong").await, 401);
    let down = stack.dynamodb.when(|call| call.operation == "BatchWriteItem").answer(500, ALWAYS);
    assert_eq!(delete(PASSWORD).await, 200);
    down.over().await;
    eventually("the end of the erasure", Duration::from_secs(30), async || {
        let lines = stack.stack.logs().lines();
        let is_done = |line: &local::Line| &*line.function == "clean-up" && line.text.contains("\"status\":200");
        lines.iter().any(is_done).then_some(())
    })
    .await;
    // What was being told of a message meanwhile goes with the second look.
    let mut left = stack.stored_with(&user.id).await;
    left.retain(|item| item["pk"]["S"] != format!("NOTIFICATION#{}", user.id));
    assert_eq!(left.len(), 1, "{left:?}");
}
