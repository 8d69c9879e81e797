//! `DELETE /api/auth/account`: data that is erased, the address that can be used again, and the name that stays reserved.

use serde_json::{Value, json};

use crate::support::{
    Answer, Client, PASSWORD, SOON, User, all_at_once, code_for, eventually, random_email, random_username, send_otp,
    stack_or_skip, stored_in, texts,
};

use super::{
    steps::{cookie_of, is_alive, is_taken, post, registration, sign_in, sign_up},
    store::{LONG_AGO, set, store_old_inbox},
};

async fn delete(user: &User, password: &str) -> Answer {
    user.delete("/api/auth/account").json(&json!({ "password": password })).send().await
}

#[track_caller]
fn deleted(answer: &Answer) {
    answer.is(200, json!({ "success": true, "message": "Account deleted" }));
    assert_eq!(cookie_of(answer).as_deref(), Some(""));
}

/// Waits until the table contains the user's id and name only in the erasure and in the reservation of the name.
async fn nothing_left_of(user: &User) {
    let Some(stack) = stack_or_skip("reads the table") else { return };
    let name = user.username.to_lowercase();
    let tells = |item: &Value| {
        let pk = item["pk"]["S"].as_str().expect("a key");
        let told: &[&String] = match pk {
            _ if pk == format!("ERASE#{}", user.id) => &[&user.email],
            _ if pk == format!("USERNAME#{name}") => &[&user.id, &user.email],
            _ => &[&user.id, &user.email, &user.username, &name, &user.device],
        };
        texts(item).iter().any(|text| told.iter().any(|one| text.contains(*one)))
    };
    eventually("nothing left", SOON, async || {
        let left: Vec<_> = stored_in(stack.dynamodb_url(), stack).await.into_iter().filter(tells).collect();
        println!("{} items left: {:?}", left.len(), left.first());
        left.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn with_a_wrong_password_nothing_is_deleted() {
    let user = User::sign_up().await;
    for wrong in ["", "wrong password", &PASSWORD.to_uppercase()] {
        delete(&user, wrong).await.fails(401, "Wrong password");
    }
    assert!(is_alive(&user.token).await && is_taken(&user.username).await);
    user.receive("Are you still there?").await.ok(201);
    deleted(&delete(&user, PASSWORD).await);
}

#[tokio::test]
async fn a_deleted_account_is_gone_for_everyone() {
    let user = User::sign_up().await;
    let other = user.on_new_device().await;
    user.received("A message that goes too").await;
    deleted(&delete(&user, PASSWORD).await);
    assert!(!is_alive(&user.token).await && !is_alive(&other.token).await);
    for identifier in [&user.username, &user.email] {
        sign_in(identifier, PASSWORD).await.fails(401, "Invalid credentials");
    }
    user.receive("Are you still there?").await.fails(404, "User not found");
    user.get("/api/get-messages").send().await.fails(401, "Not Authenticated");
    delete(&user, PASSWORD).await.fails(401, "Not Authenticated");
    nothing_left_of(&user).await;
}

#[tokio::test]
async fn its_name_stays_reserved_and_its_address_is_free() {
    let user = User::sign_up().await;
    deleted(&delete(&user, PASSWORD).await);
    let (email, code) = (&user.email, send_otp(&user.email).await);
    for name in [user.username.clone(), user.username.to_lowercase(), user.username.to_uppercase()] {
        assert!(is_taken(&name).await);
        sign_up(&registration(&name, email, &code)).await.fails(409, "Username already exists");
    }
    let name = random_username();
    let again = sign_up(&registration(&name, email, &code)).await.ok(201);
    assert_ne!(again["data"]["id"], user.id);
    assert!(!is_alive(&user.token).await);
    let token = again["data"]["token"].as_str().expect("a token").to_owned();
    let newcomer = User { username: name, token, ..user };
    assert_eq!(newcomer.inbox().await, Vec::<Value>::new());
    newcomer.received("A message to the newcomer").await;
}

/// Signs up with an address that has no account. Returns the user.
async fn sign_up_with(email: &str) -> User {
    let username = random_username();
    let made = sign_up(&registration(&username, email, &send_otp(email).await)).await.ok(201);
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let data = &made["data"];
    let (id, token, device) = (text(&data["id"]), text(&data["token"]), text(&data["device"]["id"]));
    User { id, username, email: email.to_owned(), password: PASSWORD.to_owned(), token, device, client: Client::new() }
}

#[tokio::test]
async fn of_one_address_only_the_first_deleted_name_is_reserved() {
    let email = random_email();
    let first = sign_up_with(&email).await;
    deleted(&delete(&first, PASSWORD).await);
    // The address has another spelling now.
    let (local, domain) = email.split_once('@').expect("an address");
    let second = sign_up_with(&format!("{}@{domain}", local.to_uppercase())).await;
    let sender = Client::new();
    second.receive_from(&sender, "A message before the block").await.ok(201);
    let id = second.inbox().await[0]["_id"].as_str().expect("an id").to_owned();
    second.post(&format!("/api/messages/{id}/block-sender")).send().await.ok(200);
    deleted(&delete(&second, PASSWORD).await);
    assert_eq!((is_taken(&first.username).await, is_taken(&second.username).await), (true, false));

    let newcomer = User::named(&second.username.to_lowercase()).await;
    newcomer.receive_from(&sender, "A message to the newcomer").await.ok(201);
    assert_eq!(newcomer.inbox().await.len(), 1);
    assert!(!is_alive(&second.token).await);
    let third = sign_up_with(&email).await;
    deleted(&delete(&third, PASSWORD).await);
    assert_eq!((is_taken(&first.username).await, is_taken(&third.username).await), (true, false));
    // Somebody else's name is reserved.
    deleted(&delete(&newcomer, PASSWORD).await);
    assert!(is_taken(&newcomer.username).await);
}

#[tokio::test]
async fn once_its_time_is_over_the_name_is_free_for_somebody_who_inherits_nothing() {
    let Some(stack) = stack_or_skip("lets time run out in the table") else { return };
    let user = User::sign_up().await;
    user.received("A message of the time before").await;
    deleted(&delete(&user, PASSWORD).await);
    let pk = format!("USERNAME#{}", user.username.to_lowercase());
    set(stack, (&pk, "CLAIM"), "reserved_until", LONG_AGO).await;
    assert!(!is_taken(&user.username).await);
    let newcomer = User::named(&user.username.to_lowercase()).await;
    assert!(!is_alive(&user.token).await);
    assert_eq!(newcomer.inbox().await, Vec::<Value>::new());
    assert!(is_taken(&user.username).await);
    newcomer.received("A message to the newcomer").await;
}

#[tokio::test]
async fn an_inbox_of_300_messages_goes_too_with_devices_blocks_and_reports() {
    let Some(stack) = stack_or_skip("fills an inbox in the table") else { return };
    let user = User::sign_up().await;
    user.on_new_device().await;
    store_old_inbox(stack, &user, 300).await;
    let message = user.received("One that is reported and blocked").await;
    let id = message["_id"].as_str().expect("an id");
    for action in ["report", "block-sender"] {
        user.post(&format!("/api/messages/{id}/{action}")).send().await.ok(200);
    }
    let stored = stored_in(stack.dynamodb_url(), stack).await;
    let mine = stored.iter().filter(|item| item["pk"]["S"] == format!("INBOX#{}", user.id)).count();
    assert_eq!(mine, 301);
    deleted(&delete(&user, PASSWORD).await);
    nothing_left_of(&user).await;
}

#[tokio::test]
async fn of_deletions_at_once_one_is_done_and_what_is_left_is_the_same() {
    let user = User::sign_up().await;
    let deletions = (0..6).map(|_| {
        let user = user.clone();
        async move { delete(&user, PASSWORD).await }
    });
    let answers = all_at_once(deletions).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(done.len(), 1);
    deleted(done[0]);
    for answer in refused {
        assert!([401, 404].contains(&answer.status), "{}", answer.text());
    }
    assert!(!is_alive(&user.token).await && is_taken(&user.username).await);
    nothing_left_of(&user).await;
}

#[tokio::test]
async fn what_was_mailed_before_opens_nothing_afterwards() {
    let user = User::sign_up().await;
    post("/api/auth/forgot-password", &json!({ "email": user.email })).await.ok(200);
    let code = code_for(&user.email).await;
    deleted(&delete(&user, PASSWORD).await);
    let body = json!({ "email": user.email, "code": code, "newPassword": "another password" });
    post("/api/auth/reset-password", &body).await.fails(401, "Invalid OTP");
    sign_in(&user.email, "another password").await.fails(401, "Invalid credentials");
}

#[tokio::test]
async fn somebody_else_keeps_everything() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    other.received("A message to somebody else").await;
    deleted(&delete(&user, PASSWORD).await);
    nothing_left_of(&user).await;
    assert!(is_alive(&other.token).await);
    assert_eq!(other.inbox().await.len(), 1);
    let email = random_email();
    let code = send_otp(&email).await;
    sign_up(&registration(&other.username, &email, &code)).await.fails(409, "Username already exists");
}
