//! Guessing passwords: ten failures in fifteen minutes per account, and ten per client.

use serde_json::json;

use crate::support::{Answer, Client, PASSWORD, User, all_at_once, random_email, random_username};

use super::steps::{is_alive, limited, sign_in};

async fn from(client: &Client, identifier: &str, password: &str) -> Answer {
    client.post("/api/auth/sign-in").json(&json!({ "identifier": identifier, "password": password })).send().await
}

#[track_caller]
fn too_many_on_account(answer: &Answer) {
    limited(answer, "passwords", 10, 900);
}

#[track_caller]
fn too_many_by_client(answer: &Answer) {
    limited(answer, "passwords-by-client", 10, 900);
}

#[tokio::test]
async fn after_10_wrong_passwords_from_10_clients_an_account_refuses_even_the_right_one() {
    let user = User::sign_up().await;
    let (local, _) = user.email.split_once('@').expect("an address");
    let by_name = [user.username.clone(), user.username.to_uppercase(), user.username.to_lowercase()];
    let by_address = [user.email.clone(), format!(" {}", user.email), format!("{local}@EXAMPLE.com")];
    let identifiers = [by_name, by_address].concat();
    // Name and address, in any case, count for the same account.
    for n in 0..10 {
        sign_in(&identifiers[n % 6], "wrong password").await.fails(401, "Invalid credentials");
    }
    for identifier in &identifiers {
        too_many_on_account(&sign_in(identifier, PASSWORD).await);
    }
    // Existing sessions stay valid, and other accounts are not affected.
    assert!(is_alive(&user.token).await);
    sign_in(&User::sign_up().await.username, PASSWORD).await.ok(200);
}

#[tokio::test]
async fn after_10_wrong_passwords_on_10_accounts_a_client_is_refused_and_nobody_else() {
    let (guesser, user) = (Client::new(), User::sign_up().await);
    for user in User::many(10).await {
        from(&guesser, &user.username, "wrong password").await.fails(401, "Invalid credentials");
    }
    too_many_by_client(&from(&guesser, &user.username, PASSWORD).await);
    too_many_by_client(&from(&guesser, &random_username(), PASSWORD).await);
    // Refused attempts do not count for the account.
    for _ in 0..12 {
        too_many_by_client(&from(&guesser, &user.username, "wrong password").await);
    }
    from(&Client::new(), &user.username, PASSWORD).await.ok(200);
}

#[tokio::test]
async fn names_that_nobody_has_are_limited_in_the_same_way() {
    for identifier in [random_username(), random_email(), format!("nobody {}", random_email())] {
        for _ in 0..10 {
            sign_in(&identifier, PASSWORD).await.fails(401, "Invalid credentials");
        }
        too_many_on_account(&sign_in(&identifier, PASSWORD).await);
    }
}

#[tokio::test]
async fn a_right_password_in_between_is_not_counted() {
    let (user, client) = (User::sign_up().await, Client::new());
    for n in 0..9 {
        from(&client, &user.username, "wrong password").await.fails(401, "Invalid credentials");
        if n % 3 == 0 {
            from(&client, &user.username, PASSWORD).await.ok(200);
        }
    }
    for _ in 0..3 {
        from(&client, &user.username, PASSWORD).await.ok(200);
    }
    from(&client, &user.username, "wrong password").await.fails(401, "Invalid credentials");
    // Both limits are reached now; the answer may name either.
    assert_eq!(from(&client, &user.username, PASSWORD).await.status, 429);
    too_many_on_account(&from(&Client::new(), &user.username, PASSWORD).await);
    too_many_by_client(&from(&client, &random_username(), PASSWORD).await);
}

#[tokio::test]
async fn of_40_wrong_passwords_at_once_10_are_looked_at() {
    let user = User::sign_up().await;
    let guesses = (0..40).map(|n| {
        let username = user.username.clone();
        async move { sign_in(&username, &format!("wrong {n}")).await }
    });
    let answers = all_at_once(guesses).await;
    let (wrong, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 401);
    assert_eq!((wrong.len(), refused.len()), (10, 30));
    wrong.iter().for_each(|answer| answer.fails(401, "Invalid credentials"));
    refused.into_iter().for_each(too_many_on_account);
    too_many_on_account(&sign_in(&user.username, PASSWORD).await);
}

#[tokio::test]
async fn a_right_password_among_wrong_ones_at_once_is_never_told_that_it_is_wrong() {
    let user = User::sign_up().await;
    let guesses = (0..20).map(|n| {
        let username = user.username.clone();
        let password = if n % 4 == 0 { PASSWORD.to_owned() } else { format!("wrong {n}") };
        async move { (n, sign_in(&username, &password).await) }
    });
    for (n, answer) in all_at_once(guesses).await {
        match answer.status {
            200 => assert_eq!(n % 4, 0),
            401 => assert_ne!(n % 4, 0),
            _ => too_many_on_account(&answer),
        }
    }
}

#[tokio::test]
async fn after_10_wrong_passwords_a_session_proves_nothing_more_for_now() {
    let user = User::sign_up().await;
    let change = |current: &str| {
        let body = json!({ "currentPassword": current, "newPassword": "another password" });
        user.post("/api/auth/change-password").json(&body).send()
    };
    let delete = |password: &str| user.delete("/api/auth/account").json(&json!({ "password": password })).send();
    for _ in 0..5 {
        change("wrong password").await.fails(401, "Wrong password");
        delete("wrong password").await.fails(401, "Wrong password");
    }
    for answer in [change(PASSWORD).await, delete(PASSWORD).await, change("wrong password").await] {
        limited(&answer, "proofs", 10, 900);
    }
    assert!(is_alive(&user.token).await);
    sign_in(&user.username, PASSWORD).await.ok(200);
}

#[tokio::test]
async fn strangers_who_guess_keep_nobody_from_changing_a_password() {
    let user = User::sign_up().await;
    for n in 0..11 {
        assert_eq!(sign_in(&user.username, "wrong password").await.status, if n < 10 { 401 } else { 429 });
    }
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another password" });
    let answer = user.post("/api/auth/change-password").json(&body).send().await;
    answer.ok(200);
    assert_eq!(answer.quota("proofs", 10, 900).0, 10);
}

#[tokio::test]
async fn a_sign_in_tells_how_many_tries_are_left() {
    let (user, client) = (User::sign_up().await, Client::new());
    for _ in 0..3 {
        from(&client, &user.username, "wrong password").await.fails(401, "Invalid credentials");
    }
    let answer = from(&client, &user.username, PASSWORD).await;
    answer.ok(200);
    let told = answer.header("ratelimit").expect("a RateLimit header");
    assert!(told.contains("\"passwords\";r=7;t=") && told.contains("\"passwords-by-client\";r=7;t="), "{told}");
    let policy = answer.header("ratelimit-policy").expect("a RateLimit-Policy header");
    let mut policies: Vec<_> = policy.split(", ").collect();
    policies.sort();
    assert_eq!(policies, ["\"passwords\";q=10;w=900", "\"passwords-by-client\";q=10;w=900"]);
}
