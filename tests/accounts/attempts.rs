//! Attempts that are under way are no failures: a right secret is refused only when failures alone fill the window.

use serde_json::json;

use crate::support::{Answer, Client, Link, PASSWORD, User, all_at_once};

use super::steps::{limited, sign_in};

async fn from(client: &Client, user: &User, password: &str, device: Option<&str>) -> Answer {
    let mut body = json!({ "identifier": user.username, "password": password });
    if let Some(device) = device {
        body["deviceId"] = device.into();
    }
    client.post("/api/auth/sign-in").json(&body).send().await
}

#[tokio::test]
async fn four_right_passwords_at_once_behind_nine_failures_of_their_client_are_let_in() {
    let (users, client) = (User::many(4).await, Client::new());
    for user in User::many(9).await {
        from(&client, &user, "wrong password", None).await.fails(401, "Invalid credentials");
    }
    let sign_ins = users.iter().cloned().map(|user| {
        let client = client.clone();
        async move { from(&client, &user, PASSWORD, None).await.status }
    });
    assert_eq!(all_at_once(sign_ins).await, [200; 4]);
}

#[tokio::test]
async fn right_passwords_at_once_behind_nine_failures_on_their_account_are_let_in() {
    let user = User::sign_up().await;
    for _ in 0..9 {
        sign_in(&user.username, "wrong password").await.fails(401, "Invalid credentials");
    }
    let sign_ins = (0..4).map(|_| {
        let user = user.clone();
        async move { sign_in(&user.username, PASSWORD).await.status }
    });
    assert_eq!(all_at_once(sign_ins).await, [200; 4]);
    sign_in(&user.username, "wrong password").await.fails(401, "Invalid credentials");
    limited(&sign_in(&user.username, PASSWORD).await, "passwords", 10, 900);
}

#[tokio::test]
async fn right_pins_at_once_behind_nine_wrong_ones_are_let_in() {
    let (link, sender) = (Link::with(json!({ "pin": "4321" })).await, Client::new());
    for _ in 0..9 {
        link.send_as(&sender, json!({ "content": "x", "pin": "9999" })).await.refused(401, "Wrong PIN");
    }
    let sends = (0..4).map(|_| {
        let (link, sender) = (link.clone(), sender.clone());
        async move { link.send_as(&sender, json!({ "content": "x", "pin": "4321" })).await.status }
    });
    assert_eq!(all_at_once(sends).await, [201; 4]);
}

#[tokio::test]
async fn right_proofs_at_once_behind_nine_failures_are_looked_at() {
    let user = User::sign_up().await;
    let change = |current: &str, new: &str| {
        let body = json!({ "currentPassword": current, "newPassword": new });
        user.post("/api/auth/change-password").json(&body).send()
    };
    for _ in 0..9 {
        change("wrong password", "another password").await.fails(401, "Wrong password");
    }
    let (one, other) = tokio::join!(change(PASSWORD, "another password"), change(PASSWORD, "another password"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    // The second one may find the password changed, which is no question of limits.
    assert!([[200, 200], [200, 401]].contains(&statuses), "{statuses:?}");
}

#[tokio::test]
async fn a_deletion_behind_nine_failures_is_done() {
    let user = User::sign_up().await;
    let delete = |password: &str| user.delete("/api/auth/account").json(&json!({ "password": password })).send();
    for _ in 0..9 {
        delete("wrong password").await.fails(401, "Wrong password");
    }
    delete(PASSWORD).await.ok(200);
}

#[tokio::test]
async fn a_trusted_device_counts_by_itself() {
    let (user, school) = (User::sign_up().await, Client::new());
    for _ in 0..10 {
        from(&school, &user, "wrong password", None).await.fails(401, "Invalid credentials");
    }
    // Neither strangers who lock the account nor others behind the same address keep the owner's device out.
    assert_eq!(from(&school, &user, PASSWORD, None).await.status, 429);
    from(&school, &user, PASSWORD, Some(&user.device)).await.ok(200);
    for _ in 0..10 {
        from(&Client::new(), &user, "wrong password", Some(&user.device)).await.fails(401, "Invalid credentials");
    }
    let refused = from(&Client::new(), &user, PASSWORD, Some(&user.device)).await;
    limited(&refused, "passwords-on-device", 10, 900);
}

#[tokio::test]
async fn a_device_that_is_not_trusted_or_somebody_elses_counts_as_none() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    let untrusted = user.on_new_device().await;
    for n in 0..10 {
        let device = if n % 2 == 0 { &untrusted.device } else { &other.device };
        from(&Client::new(), &user, "wrong password", Some(device)).await.fails(401, "Invalid credentials");
    }
    for device in [&untrusted.device, &other.device] {
        limited(&from(&Client::new(), &user, PASSWORD, Some(device)).await, "passwords", 10, 900);
    }
}
