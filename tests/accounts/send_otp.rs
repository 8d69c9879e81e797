//! `POST /api/send-otp`: answers and mails. Its limits are in otp_limits.rs.

use serde_json::{Value, json};

use crate::support::{
    Answer, Client, User, all_at_once, code_for, mail_for, mails_for, random_email, random_username, send_otp,
};

use super::steps::{post, registration, sign_up};

const PATH: &str = "/api/send-otp";
const ANOTHER: &str = "This Idempotency-Key was already used for another request";

fn sent(answer: &Answer) {
    answer.is(200, json!({ "success": true, "message": "OTP sent successfully" }));
}

async fn ask(email: &str) -> Answer {
    post(PATH, &json!({ "email": email })).await
}

#[tokio::test]
async fn a_code_goes_out_in_a_mail_with_a_text_and_an_html_part() {
    let email = random_email();
    sent(&ask(&email).await);
    let [mail] = &mails_for(&email).await[..] else { panic!("not one mail") };
    let code = code_for(&email).await;
    assert_eq!((&mail["kind"], &mail["to"]), (&json!("email"), &json!([email])));
    for part in ["text", "html"] {
        let part = mail[part].as_str().unwrap_or_else(|| panic!("no {part}: {mail}"));
        assert_eq!(part.matches(&code).count(), 1, "{part}");
    }
    assert!(mail["html"].as_str().is_some_and(|html| html.contains("<p>")), "{mail}");
    let subject = mail["subject"].as_str().expect("a subject");
    assert!(!subject.is_empty() && !subject.contains(&code), "{subject}");
    // Programs that answer mails by themselves leave this one alone (RFC 3834).
    assert_eq!(mail["headers"]["Auto-Submitted"], "auto-generated");
}

#[tokio::test]
async fn codes_are_six_digits_and_differ() {
    let mut codes = all_at_once((0..12).map(|_| async { send_otp(&random_email()).await })).await;
    assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())), "{codes:?}");
    codes.sort();
    codes.dedup();
    // Two of twelve codes are equal in one of 15,000 runs; three hardly ever are.
    assert!(codes.len() >= 11, "{codes:?}");
}

#[tokio::test]
async fn the_answer_does_not_show_the_code() {
    let email = random_email();
    let answer = ask(&email).await;
    let code = code_for(&email).await;
    assert!(!answer.text().contains(&code) && !format!("{:?}", answer.headers).contains(&code));
}

#[tokio::test]
async fn an_address_that_has_an_account_is_told_so_and_gets_no_mail() {
    let user = User::sign_up().await;
    let mails = mails_for(&user.email).await.len();
    ask(&user.email).await.fails(409, "User already registered");
    let (local, domain) = user.email.split_once('@').expect("an address");
    ask(&format!(" {local}@{}\n", domain.to_uppercase())).await.fails(409, "User already registered");
    assert_eq!(mails_for(&user.email).await.len(), mails);
}

#[tokio::test]
async fn an_address_that_breaks_a_rule_is_refused_by_name() {
    let form = "email must be an e-mail address";
    let long = format!("{}@{}.com", "l".repeat(64), ["d".repeat(63), "e".repeat(63), "f".repeat(58)].join("."));
    assert_eq!(long.len(), 255);
    let cases = [
        (json!({}), "email is required"),
        (json!({ "email": null }), "email must be text"),
        (json!({ "email": 5 }), "email must be text"),
        (json!({ "email": ["a@example.com"] }), "email must be text"),
        (json!({ "email": { "ne": null } }), "email must be text"),
        (json!({ "email": true }), "email must be text"),
        (json!({ "email": "" }), form),
        (json!({ "email": "   " }), form),
        (json!({ "email": "ann" }), form),
        (json!({ "email": "ann@" }), form),
        (json!({ "email": "@example.com" }), form),
        (json!({ "email": "ann@example" }), form),
        (json!({ "email": "ann@exa mple.com" }), form),
        (json!({ "email": "änn@example.com" }), form),
        (json!({ "email": "ann@exämple.com" }), form),
        (json!({ "email": "Ann <ann@example.com>" }), form),
        (json!({ "email": "ann@example.com, bob@example.com" }), form),
        (json!({ "email": "ann@example.com\r\nBcc: bob@example.com" }), form),
        (json!({ "email": "ann\u{0}@example.com" }), form),
        (json!({ "email": long }), "email must be at most 254 characters"),
        (json!(["ann@example.com"]), "The body must be a JSON object"),
    ];
    for (body, message) in cases {
        println!("{body}");
        post(PATH, &body).await.fails(400, message);
    }
}

#[tokio::test]
async fn a_repeat_with_its_key_sends_no_second_mail_and_takes_nothing_from_the_limit() {
    let (email, key) = (random_email(), random_email());
    let ask = || Client::new().post(PATH).key(&key).json(&json!({ "email": email })).send();
    let first = ask().await;
    sent(&first);
    for _ in 0..5 {
        let again = ask().await;
        assert_eq!((again.status, again.text()), (first.status, first.text()));
    }
    assert_eq!(mails_for(&email).await.len(), 1);
    // One of three hits is used.
    sent(&self::ask(&email).await);
    sent(&self::ask(&email).await);
    assert_eq!(self::ask(&email).await.status, 429);
    sent(&ask().await);
    assert_eq!(mails_for(&email).await.len(), 3);
}

#[tokio::test]
async fn the_same_request_20_times_at_once_with_one_key_sends_one_mail() {
    let (email, key) = (random_email(), random_email());
    let asks = (0..20).map(|_| Client::new().post(PATH).key(&key).json(&json!({ "email": email })).send());
    all_at_once(asks).await.iter().for_each(sent);
    assert_eq!(mails_for(&email).await.len(), 1);
    sign_up(&registration(&random_username(), &email, &code_for(&email).await)).await.ok(201);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let (email, key) = (random_email(), random_email());
    let ask = |body: Value| Client::new().post(PATH).key(&key).json(&body).send();
    sent(&ask(json!({ "email": email })).await);
    ask(json!({ "email": email, "language": "de" })).await.fails(422, ANOTHER);
    sent(&ask(json!({ "email": email })).await);
    assert_eq!(mails_for(&email).await.len(), 1);
    ask(json!({ "email": "nobody" })).await.fails(400, "email must be an e-mail address");
    let client = Client::new();
    for bad in ["", "two words", &"k".repeat(256)] {
        let answer = client.post(PATH).key(bad).json(&json!({ "email": random_email() })).send().await;
        answer.fails(400, "Idempotency-Key must be 1 to 255 visible ASCII characters");
    }
}

#[tokio::test]
async fn spaces_around_an_address_and_the_case_of_its_domain_make_no_other_address() {
    let email = random_email();
    let local = email.split_once('@').expect("an address").0;
    sent(&ask(&format!("\t{local}@EXAMPLE.Com  ")).await);
    let code = code_for(&email).await;
    let made = sign_up(&registration(&random_username(), &format!(" {local}@Example.com"), &code)).await.ok(201);
    assert_eq!(made["data"]["email"], email);
    ask(&format!("{local}@eXample.com")).await.fails(409, "User already registered");
    assert_eq!(mail_for(&email).await["to"], json!([email]));
}
