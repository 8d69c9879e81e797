//! `GET /api/check-username-unique`, and the rules of names.

use serde_json::json;

use crate::support::{Answer, Client, User, random_email, random_username, send_otp};

use super::steps::{registration, session, sign_up};

const SHORT: &str = "Username must be atleast 2 characters";
const LONG: &str = "username must not be more than 20";
const LETTERS: &str = "Username can only contain letters, numbers, and underscores";

/// Names that break a rule, and the rule.
fn broken() -> Vec<(String, &'static str)> {
    let cases = [
        ("a", SHORT),
        ("é", SHORT),
        ("!", SHORT),
        ("🦀", SHORT),
        (&"a".repeat(21), LONG),
        (&"ä".repeat(21), LONG),
        (&"a".repeat(10_000), LONG),
        ("a b", LETTERS),
        ("a\u{a0}b", LETTERS),
        (" a ", SHORT),
        ("a-b", LETTERS),
        ("a.b", LETTERS),
        ("a#b", LETTERS),
        ("ann@example.com", LETTERS),
        ("älice", LETTERS),
        ("аlice", LETTERS), // the first letter is Cyrillic
        ("alice\u{200b}", LETTERS),
        ("alice\u{0}", LETTERS),
        ("a\nb", LETTERS),
        ("１２３", LETTERS), // full-width digits
        (&"🦀".repeat(20), LETTERS),
    ];
    cases.into_iter().map(|(name, rule)| (name.to_owned(), rule)).collect()
}

fn quoted(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn check(username: &str) -> Answer {
    Client::new().get(&format!("/api/check-username-unique?username={}", quoted(username))).send().await
}

#[track_caller]
fn free(answer: &Answer) {
    answer.is(200, json!({ "success": true, "message": "Username available" }));
}

#[track_caller]
fn taken(answer: &Answer) {
    answer.is(200, json!({ "success": false, "message": "Username already exists" }));
}

#[tokio::test]
async fn a_name_is_available_until_someone_has_it_however_it_is_spelled() {
    let name = random_username();
    free(&check(&name).await);
    User::named(&name).await;
    for spelled in [name.clone(), name.to_lowercase(), name.to_uppercase()] {
        taken(&check(&spelled).await);
    }
    free(&check(&random_username()).await);
}

#[tokio::test]
async fn a_name_that_breaks_a_rule_is_told_which() {
    for (name, rule) in broken() {
        println!("{name:?}");
        check(&name).await.fails(400, rule);
    }
    check("").await.fails(400, SHORT);
    Client::new().get("/api/check-username-unique").send().await.fails(400, SHORT);
    Client::new().get("/api/check-username-unique?user=abc").send().await.fails(400, SHORT);
    for (first, last) in [("a", "good_name"), ("good-name", "good_name")] {
        let path = format!("/api/check-username-unique?username={first}&username={last}");
        assert_eq!(Client::new().get(&path).send().await.status, 400, "{first}");
    }
}

#[tokio::test]
async fn a_sign_up_with_a_name_that_breaks_a_rule_is_told_which_and_keeps_its_code() {
    let email = random_email();
    let code = send_otp(&email).await;
    for (name, rule) in broken() {
        println!("{name:?}");
        sign_up(&registration(&name, &email, &code)).await.fails(400, rule);
    }
    sign_up(&registration(&random_username(), &email, &code)).await.ok(201);
}

#[tokio::test]
async fn white_space_around_a_name_is_no_part_of_it() {
    let (name, email) = (random_username(), random_email());
    free(&check(&format!(" {name}\u{a0}")).await);
    let code = send_otp(&email).await;
    let made = sign_up(&registration(&format!("\t{name} \r\n"), &email, &code)).await.ok(201);
    assert_eq!(made["data"]["username"], name);
    let answer = check(&format!("\u{2003}{name} ")).await;
    answer.is(200, json!({ "success": false, "message": "Username already exists" }));
}

#[tokio::test]
async fn a_reserved_name_is_taken_in_every_spelling() {
    let email = random_email();
    let code = send_otp(&email).await;
    for name in ["admin", "Admin", "SUPPORT", "api", "_admin_", "No_Reply", "root", "Sotto", " moderator "] {
        check(name).await.is(200, json!({ "success": false, "message": "Username already exists" }));
        sign_up(&registration(name, &email, &code)).await.fails(409, "Username already exists");
    }
    sign_up(&registration(&random_username(), &email, &code)).await.ok(201);
}

#[tokio::test]
async fn alice_after_alice_is_refused() {
    let lower = random_username().to_lowercase();
    let alice = User::named(&lower).await;
    for name in [format!("U{}", &lower[1..]), lower.to_uppercase(), lower.clone()] {
        let email = random_email();
        let code = send_otp(&email).await;
        sign_up(&registration(&name, &email, &code)).await.fails(409, "Username already exists");
    }
    assert_eq!(session(&alice.token).await["user"]["username"], lower);
}

#[tokio::test]
async fn names_of_2_and_of_20_are_accepted_as_they_are_spelled() {
    let longest = format!("_{}Z", &random_username()[..18]);
    assert_eq!(longest.len(), 20);
    User::named(&longest).await;
    taken(&check(&longest).await);
    // There are few names of two letters: in a stack that has run for long, this one may be taken.
    let random = random_username().to_lowercase();
    let shortest = &random[3..5];
    let email = random_email();
    let code = send_otp(&email).await;
    let answer = sign_up(&registration(shortest, &email, &code)).await;
    match answer.status {
        201 => assert_eq!(answer.json()["data"]["username"], shortest),
        _ => answer.fails(409, "Username already exists"),
    }
    taken(&check(shortest).await);
}
