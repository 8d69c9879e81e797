//! `POST /api/auth/sign-in`: accounts and devices. Guessing passwords is in guesses.rs.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{
    Client, PASSWORD, User, all_at_once, line_of, mails_for, now, random_email, random_username, stack_or_skip, time,
};

use super::{
    steps::{cookie_of, is_alive, post, shown, sign_in, text},
    store::set_status,
};

const PATH: &str = "/api/auth/sign-in";
const ANOTHER: &str = "This Idempotency-Key was already used for another request";

#[tokio::test]
async fn a_sign_in_answers_with_the_user_a_session_and_the_device() {
    let user = User::sign_up().await;
    let body = json!({ "identifier": user.username, "password": PASSWORD, "deviceName": "A fridge 🧊" });
    let answer = post(PATH, &body).await;
    let made = answer.ok(200);
    let data = &made["data"];
    let expected = json!({
        "success": true,
        "message": "Signed in",
        "data": {
            "user": shown(&user), "token": data["token"], "expiresAt": data["expiresAt"],
            "device": { "id": data["device"]["id"], "name": "A fridge 🧊", "trusted": false },
        },
    });
    assert_eq!(made, expected);
    assert!((time(&data["expiresAt"]) - now() - Duration::days(30)).abs() < Duration::minutes(1));
    let token = text(&data["token"]);
    assert_eq!(cookie_of(&answer).as_deref(), Some(token.as_str()));
    assert!(is_alive(&token).await && is_alive(&user.token).await);
    assert_ne!((&token, text(&data["device"]["id"])), (&user.token, user.device));
}

#[tokio::test]
async fn an_account_is_found_by_its_name_and_its_address_however_they_are_spelled() {
    let user = User::sign_up().await;
    let (local, domain) = user.email.split_once('@').expect("an address");
    let upper = format!(" {local}@{} ", domain.to_uppercase());
    let names = [user.username.clone(), user.username.to_lowercase(), user.username.to_uppercase()];
    let pasted = [format!(" {}\n", user.username), format!("\u{a0}{}\u{2003}", user.email.to_uppercase())];
    for identifier in names.iter().chain([&user.email, &upper]).chain(&pasted) {
        assert_eq!(sign_in(identifier, PASSWORD).await.ok(200)["data"]["user"], shown(&user), "{identifier}");
    }
    for identifier in [user.id.clone(), format!("{}@", user.username)] {
        sign_in(&identifier, PASSWORD).await.fails(401, "Invalid credentials");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_are_told_the_same() {
    let user = User::sign_up().await;
    let unknown = random_email();
    let long = "x".repeat(60_000);
    let cases = [
        (user.username.as_str(), "wrong password"),
        (&user.username, ""),
        (&user.username, "Correct horse battery"),
        (&user.username, &long),
        (&user.email, "wrong password"),
        (&unknown, PASSWORD),
        (&unknown[..20], PASSWORD),
        ("no such person!", PASSWORD),
        ("🦀", PASSWORD),
    ];
    let mut headers = Vec::new();
    for (identifier, password) in cases {
        println!("{identifier}");
        let answer = sign_in(identifier, password).await;
        answer.fails(401, "Invalid credentials");
        assert_eq!(cookie_of(&answer), None);
        headers.push(answer.headers.keys().map(|name| name.as_str().to_owned()).collect::<BTreeSet<_>>());
        assert_eq!(headers[0], headers[headers.len() - 1]);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_cost_the_same() {
    let Some(stack) = stack_or_skip("reads logs") else { return };
    let [by_name, by_address] = &User::many(2).await[..] else { panic!("not two users") };
    let unknown = (random_username(), random_email(), format!("no name {}", random_email()));
    let mut costs = Vec::new();
    // Each is the first attempt: the cost of a later one depends on the slots that it finds taken.
    for identifier in [&by_name.username, &by_address.email, &unknown.0, &unknown.1, &unknown.2] {
        let answer = sign_in(identifier, "wrong password").await;
        answer.fails(401, "Invalid credentials");
        let (function, line) = line_of(stack, &answer).await;
        assert_eq!(function, "sign-in");
        assert!(line["round_trips"].as_u64() > Some(0), "{line}");
        costs.push(["round_trips", "read_units", "write_units"].map(|name| line[name].clone()));
        assert_eq!(costs[0], costs[costs.len() - 1], "{identifier}");
    }
}

#[tokio::test]
async fn an_unknown_account_takes_as_long_as_a_wrong_password() {
    let user = User::sign_up().await;
    // The shortest of several times is the one that other tests disturbed least.
    let mut shortest = [std::time::Duration::MAX; 2];
    for n in 0..16 {
        let (known, unknown) = (user.username.clone(), random_email());
        let identifier = if n % 2 == 0 { known } else { unknown };
        let answer = sign_in(&identifier, "wrong password").await;
        answer.fails(401, "Invalid credentials");
        shortest[n % 2] = shortest[n % 2].min(answer.took);
    }
    let [known, unknown] = shortest.map(|took| took.as_secs_f64());
    // Without the hash it would be several times faster.
    assert!(known / unknown < 3.0 && unknown / known < 3.0, "{known} s and {unknown} s");
}

#[tokio::test]
async fn a_new_device_is_not_trusted_and_a_mail_says_so_with_a_code() {
    let user = User::sign_up().await;
    let before = mails_for(&user.email).await.len();
    let answer = sign_in(&user.username, PASSWORD).await.ok(200);
    assert_eq!(answer["data"]["device"]["trusted"], false);
    assert!(answer["data"]["device"]["name"].as_str().is_some_and(|name| !name.is_empty()));
    let mails = mails_for(&user.email).await;
    assert_eq!(mails.len(), before + 1);
    for part in ["text", "html"] {
        let part = mails[0][part].as_str().expect("a part");
        assert!(part.split(|c: char| !c.is_ascii_digit()).any(|word| word.len() == 6), "{part}");
    }
    let subject = mails[0]["subject"].as_str().expect("a subject");
    assert!(subject.to_lowercase().contains("device"), "{subject}");
}

#[tokio::test]
async fn a_known_device_keeps_its_trust_and_its_name_and_gets_no_mail() {
    let user = User::sign_up().await;
    let before = mails_for(&user.email).await.len();
    let device = async |fields: Value| user.sign_in(fields).await.ok(200)["data"]["device"].take();
    let first = device(json!({ "deviceId": user.device, "deviceName": "Mine" })).await;
    assert_eq!(first, json!({ "id": user.device, "name": "Mine", "trusted": true }));
    assert_eq!(device(json!({ "deviceId": user.device })).await, first);
    assert_eq!(device(json!({ "deviceId": user.device, "deviceName": null })).await, first);
    assert_eq!(mails_for(&user.email).await.len(), before);

    let other = device(json!({})).await;
    let again = device(json!({ "deviceId": other["id"] })).await;
    assert_eq!((&again["id"], &again["trusted"]), (&other["id"], &json!(false)));
}

#[tokio::test]
async fn an_id_that_is_none_of_the_accounts_devices_makes_a_new_device() {
    let (user, other) = (User::sign_up().await, User::sign_up().await);
    let foreign = [
        other.device.clone(),
        user.device.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A"),
        user.id.clone(),
        "0".repeat(32),
        format!("{}0", user.device),
        format!("../{}", user.device),
        "x".repeat(1000),
        "gerät".to_owned(),
        String::new(),
    ];
    for id in foreign {
        let answer = user.sign_in(json!({ "deviceId": id })).await.ok(200);
        let device = &answer["data"]["device"];
        assert_eq!(device["trusted"], false, "{id}");
        let made = text(&device["id"]);
        assert!(made != id && made != user.device && made.len() == 32, "{made}");
    }
    assert!(is_alive(&other.token).await && is_alive(&user.token).await);
}

#[tokio::test]
async fn a_suspended_or_inactive_account_does_nothing_until_it_is_active_again() {
    let Some(stack) = stack_or_skip("suspends accounts") else { return };
    let user = User::sign_up().await;
    for status in ["suspended", "inactive"] {
        set_status(stack, &user, status).await;
        let mails = mails_for(&user.email).await.len();
        for identifier in [&user.username, &user.email] {
            let answer = sign_in(identifier, PASSWORD).await;
            assert_eq!((answer.status, &answer.json()["success"]), (401, &json!(false)), "{}", answer.text());
            assert_eq!(cookie_of(&answer), None);
            sign_in(identifier, "wrong password").await.fails(401, "Invalid credentials");
        }
        assert_eq!(mails_for(&user.email).await.len(), mails);
        assert!(!is_alive(&user.token).await);
        let change = json!({ "currentPassword": PASSWORD, "newPassword": "another password" });
        user.post("/api/auth/change-password").json(&change).send().await.fails(401, "Not Authenticated");
        let delete = user.delete("/api/auth/account").json(&json!({ "password": PASSWORD }));
        delete.send().await.fails(401, "Not Authenticated");
    }
    set_status(stack, &user, "active").await;
    assert!(is_alive(&user.token).await);
    sign_in(&user.username, PASSWORD).await.ok(200);
}

#[tokio::test]
async fn a_repeat_with_its_key_gets_the_same_token_and_makes_no_other_device() {
    let user = User::sign_up().await;
    let key = Uuid::new_v4().to_string();
    let mails = mails_for(&user.email).await.len();
    let call = |fields: Value| {
        let mut body = json!({ "identifier": user.username, "password": PASSWORD });
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        Client::new().post(PATH).key(&key).json(&body).send()
    };
    let answers = all_at_once((0..10).map(|_| call(json!({})))).await;
    let again = call(json!({})).await;
    let token = text(&answers[0].ok(200)["data"]["token"]);
    for answer in answers.iter().chain([&again]) {
        assert_eq!((answer.status, answer.text()), (200, answers[0].text()));
        assert_eq!(cookie_of(answer).as_ref(), Some(&token));
    }
    assert!(is_alive(&token).await);
    assert_eq!(mails_for(&user.email).await.len(), mails + 1);
    let devices = user.get("/api/auth/devices").send().await.ok(200);
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(2));
    let answer = call(json!({ "deviceName": "Another" })).await;
    answer.fails(422, ANOTHER);
    assert_eq!(cookie_of(&answer), None);
    // Without the right password, the answer does not say that the key was used.
    call(json!({ "password": "wrong password" })).await.fails(401, "Invalid credentials");
}
