//! `POST /api/auth/change-password`. Which sessions it ends is in sessions.rs.

use serde_json::json;

use crate::support::{Answer, PASSWORD, User, all_at_once};

use super::steps::{is_alive, sign_in};

const NEW: &str = "a new password";

async fn change(user: &User, current: &str, new: &str) -> Answer {
    let body = json!({ "currentPassword": current, "newPassword": new });
    user.post("/api/auth/change-password").json(&body).send().await
}

#[tokio::test]
async fn a_password_is_changed_with_the_current_one() {
    let user = User::sign_up().await;
    let answer = change(&user, PASSWORD, NEW).await;
    let message = "Password changed. Every other session has ended";
    answer.is(200, json!({ "success": true, "message": message }));
    sign_in(&user.username, NEW).await.ok(200);
    sign_in(&user.email, PASSWORD).await.fails(401, "Invalid credentials");
}

#[tokio::test]
async fn with_a_wrong_password_nothing_is_changed() {
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    for wrong in ["", "wrong password", &PASSWORD.to_uppercase(), &format!("{PASSWORD} ")] {
        change(&user, wrong, NEW).await.fails(401, "Wrong password");
    }
    assert!(is_alive(&user.token).await && is_alive(&other.token).await);
    sign_in(&user.username, NEW).await.fails(401, "Invalid credentials");
    sign_in(&user.username, PASSWORD).await.ok(200);
}

#[tokio::test]
async fn a_new_password_has_the_same_rules_as_the_first() {
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    for bad in ["", "1234567", &"🔑".repeat(7), &"x".repeat(129)] {
        change(&user, PASSWORD, bad).await.fails(400, "newPassword must be 8 to 128 characters");
    }
    change(&user, PASSWORD, &" ".repeat(8)).await.fails(400, "newPassword must not be blank");
    // The body is validated before the password is checked.
    change(&user, "wrong password", "1234567").await.fails(400, "newPassword must be 8 to 128 characters");
    assert!(is_alive(&other.token).await);
    for good in ["🔑".repeat(8), "x".repeat(128)] {
        let user = User::sign_up().await;
        change(&user, PASSWORD, &good).await.ok(200);
        sign_in(&user.username, &good).await.ok(200);
    }
}

#[tokio::test]
async fn of_changes_that_race_exactly_one_is_done() {
    let user = User::sign_up().await;
    let changes = (0..6).map(|n| {
        let user = user.clone();
        async move { change(&user, PASSWORD, &format!("password {n} of six")).await }
    });
    let answers = all_at_once(changes).await;
    let mut works = Vec::new();
    for (n, answer) in answers.iter().enumerate() {
        match answer.status {
            200 => works.push(n),
            _ => answer.fails(401, "Wrong password"),
        }
    }
    let [winner] = works[..] else { panic!("{} changes were done", works.len()) };
    assert!(is_alive(&user.token).await);
    sign_in(&user.username, &format!("password {winner} of six")).await.ok(200);
    let loser = (winner + 1) % 6;
    sign_in(&user.username, &format!("password {loser} of six")).await.fails(401, "Invalid credentials");
}

#[tokio::test]
async fn of_changes_on_two_devices_that_race_one_is_done_and_only_its_session_is_left() {
    let user = User::sign_up().await;
    let devices = [user.clone(), user.on_trusted_device().await];
    let changes = devices.clone().into_iter().map(|device| async move {
        let new = format!("password of {}", &device.device[..8]);
        change(&device, PASSWORD, &new).await
    });
    let answers = all_at_once(changes).await;
    let mut alive = 0;
    for (device, answer) in devices.iter().zip(&answers) {
        let is_done = answer.status == 200;
        assert_eq!(is_alive(&device.token).await, is_done, "{}", answer.text());
        if !is_done {
            assert_eq!(answer.status, 401, "{}", answer.text());
        }
        alive += usize::from(is_done);
        let new = format!("password of {}", &device.device[..8]);
        assert_eq!(sign_in(&user.username, &new).await.status == 200, is_done);
    }
    assert_eq!(alive, 1);
}

#[tokio::test]
async fn a_device_that_is_not_trusted_changes_no_password_and_deletes_no_account() {
    let user = User::sign_up().await;
    let stranger = user.on_new_device().await;
    let delete =
        |user: &User, password: &str| user.delete("/api/auth/account").json(&json!({ "password": password })).send();
    for password in [PASSWORD, "wrong password"] {
        change(&stranger, password, NEW).await.fails(401, "This device is not trusted");
        delete(&stranger, password).await.fails(401, "This device is not trusted");
    }
    assert!(is_alive(&user.token).await && is_alive(&stranger.token).await);
    sign_in(&user.username, PASSWORD).await.ok(200);
    // Such tries do not count as failures: a stranger locks the owner out of nothing.
    for _ in 0..10 {
        change(&stranger, "wrong password", NEW).await.fails(401, "This device is not trusted");
    }
    change(&user, PASSWORD, NEW).await.ok(200);
    let owner = User { password: NEW.to_owned(), ..user.clone() };
    let trusted = owner.on_trusted_device().await;
    delete(&trusted, NEW).await.ok(200);
}
