//! `POST /api/sign-up`: bodies and answers. Codes are in codes.rs, races in one_account.rs.

use serde_json::{Value, json};
use time::Duration;

use crate::support::{
    Answer, Client, PASSWORD, User, now, random_email, random_username, send_otp, stack_or_skip, stored_in, texts, time,
};

use super::steps::{cookie_of, is_alive, is_taken, names, post, registration, session, shown, sign_in, sign_up, text};

/// A sign-up with one field changed, for an address that has a valid code.
async fn with(field: &str, value: Value) -> Answer {
    let email = random_email();
    let mut body = registration(&random_username(), &email, &send_otp(&email).await);
    body[field] = value;
    sign_up(&body).await
}

#[tokio::test]
async fn a_sign_up_answers_with_the_account_a_session_and_a_trusted_device() {
    let (username, email) = (random_username(), random_email());
    let mut body = registration(&username, &email, &send_otp(&email).await);
    body["deviceName"] = json!("Ann's télephone 📱");
    let answer = sign_up(&body).await;
    let made = answer.ok(201);
    let data = &made["data"];
    let expected = json!({
        "success": true,
        "message": "User Registered Successfully",
        "data": {
            "id": data["id"], "username": username, "email": email, "isVerified": true, "isAcceptingMessages": true,
            "messages": [], "token": data["token"], "expiresAt": data["expiresAt"],
            "device": { "id": data["device"]["id"], "name": "Ann's télephone 📱", "trusted": true },
        },
    });
    assert_eq!(made, expected);
    let id = text(&data["id"]);
    assert!(id.len() == 24 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    assert!((time(&data["expiresAt"]) - now() - Duration::days(30)).abs() < Duration::minutes(1));

    let token = text(&data["token"]);
    assert_eq!(cookie_of(&answer).as_deref(), Some(token.as_str()));
    assert!(is_alive(&token).await);
    assert_eq!(session(&token).await["user"]["_id"], *id);
    let devices = Client::new().get("/api/auth/devices").bearer(&token).send().await.ok(200);
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(1));
    assert_eq!((&devices["devices"][0]["trusted"], &devices["devices"][0]["current"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn all_fields_are_required() {
    let email = random_email();
    let body = registration(&random_username(), &email, &send_otp(&email).await);
    for field in ["username", "email", "password", "otp"] {
        for absent in [None, Some(Value::Null), Some(json!(""))] {
            println!("{field}: {absent:?}");
            let mut body = body.clone();
            match absent {
                Some(absent) => body[field] = absent,
                None => drop(body.as_object_mut().expect("an object").remove(field)),
            }
            let answer = sign_up(&body).await;
            answer.fails(400, "All fields required");
            assert_eq!(cookie_of(&answer), None);
        }
    }
    sign_up(&json!({})).await.fails(400, "All fields required");
    // Missing fields are reported before wrong ones.
    sign_up(&json!({ "username": "x", "email": 5, "password": PASSWORD })).await.fails(400, "All fields required");
    assert!(!is_taken(&text(&body["username"])).await);
    sign_up(&body).await.ok(201);
}

#[tokio::test]
async fn a_password_has_8_to_128_characters_whatever_they_are() {
    let rule = "password must be 8 to 128 characters";
    let (seven, long) = ("🔑".repeat(7), "é".repeat(129));
    for bad in ["1234567", &seven, &"x".repeat(129), &long, &"x".repeat(5000)] {
        with("password", json!(bad)).await.fails(400, rule);
    }
    for good in ["12345678", " spaces ", &"🔑".repeat(8), &"x".repeat(128), &"é".repeat(128), "\u{202e}reversed"] {
        println!("{good:?}");
        let (username, email) = (random_username(), random_email());
        let mut body = registration(&username, &email, &send_otp(&email).await);
        body["password"] = json!(good);
        sign_up(&body).await.ok(201);
        sign_in(&username, good).await.ok(200);
        sign_in(&username, &format!("{good} ")).await.fails(401, "Invalid credentials");
    }
    with("password", json!("        ")).await.fails(400, "password must not be blank");
    with("password", json!("\u{200b}".repeat(8))).await.fails(400, "password must not be blank");
    with("password", json!("pass\u{0}word")).await.fails(400, "password must not contain control characters");
}

#[tokio::test]
async fn a_password_is_the_same_in_whatever_form_a_keyboard_writes_it() {
    let (username, email) = (random_username(), random_email());
    let mut body = registration(&username, &email, &send_otp(&email).await);
    body["password"] = json!("caf\u{e9} noir");
    sign_up(&body).await.ok(201);
    for same in ["cafe\u{301} noir", "caf\u{e9}\u{a0}noir", "caf\u{e9} noir"] {
        sign_in(&username, same).await.ok(200);
    }
    for other in ["Caf\u{e9} noir", "cafe noir", "caf\u{e9}  noir", "caf\u{e9}noir"] {
        sign_in(&username, other).await.fails(401, "Invalid credentials");
    }
}

#[tokio::test]
async fn a_password_is_counted_in_the_form_in_which_it_is_kept() {
    let rule = "password must be 8 to 128 characters";
    with("password", json!("e\u{301}".repeat(7))).await.fails(400, rule);
    with("password", json!("e\u{301}".repeat(129))).await.fails(400, rule);
    with("password", json!("e\u{301}".repeat(513))).await.fails(400, rule);
    with("password", json!("\u{3000}".repeat(8))).await.fails(400, "password must not be blank");
    let (username, email) = (random_username(), random_email());
    let mut body = registration(&username, &email, &send_otp(&email).await);
    body["password"] = json!("e\u{301}".repeat(128));
    sign_up(&body).await.ok(201);
    sign_in(&username, &"é".repeat(128)).await.ok(200);
    sign_in(&username, &"e\u{301}".repeat(600)).await.fails(401, "Invalid credentials");
}

#[tokio::test]
async fn an_address_has_254_characters_at_most() {
    let start = &random_email()[..32];
    let of = |last: usize| {
        let domain = ["d".repeat(63), "e".repeat(63), "f".repeat(last), "com".to_owned()].join(".");
        format!("{start}{}@{domain}", "l".repeat(32))
    };
    let (longest, longer) = (of(57), of(58));
    assert_eq!((longest.len(), longer.len()), (254, 255));
    let answer = sign_up(&registration(&random_username(), &longer, "123456")).await;
    answer.fails(400, "email must be at most 254 characters");
    let code = send_otp(&longest).await;
    let username = random_username();
    let made = sign_up(&registration(&username, &format!("  {longest} "), &code)).await.ok(201);
    assert_eq!(made["data"]["email"], longest);
    sign_in(&longest, PASSWORD).await.ok(200);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for bad in [
        "ann",
        "ann@",
        "ann@example",
        "änn@example.com",
        "ann@exämple.com",
        "ann@[127.0.0.1]",
        "a b@example.com",
        "a@b!c.de",
        "a@b_c.de",
        "a@-b.de",
        "a@1.2.3.4",
    ] {
        with("email", json!(bad)).await.fails(400, "email must be an e-mail address");
        let asked = post("/api/send-otp", &json!({ "email": bad })).await;
        asked.fails(400, "email must be an e-mail address");
    }
}

#[tokio::test]
async fn a_device_name_has_1_to_100_characters() {
    for bad in [json!(""), json!("n".repeat(101)), json!(" "), json!("a\u{1b}[31m"), json!("a\nb"), json!("a\u{202e}b")]
    {
        names(&with("deviceName", bad).await, "deviceName");
    }
    let made = with("deviceName", json!("📱".repeat(100))).await.ok(201);
    assert_eq!(made["data"]["device"]["name"], "📱".repeat(100));
    let made = with("deviceName", Value::Null).await.ok(201);
    assert!(made["data"]["device"]["name"].as_str().is_some_and(|name| !name.is_empty()));
}

#[tokio::test]
async fn fields_that_nobody_asked_for_change_nothing() {
    for (field, value) in [
        ("isVerified", json!(false)),
        ("status", json!("suspended")),
        ("id", json!("0".repeat(24))),
        ("role", json!(1)),
    ] {
        let made = with(field, value.clone()).await.ok(201);
        assert_ne!(made["data"][field], value);
        assert!(is_alive(&text(&made["data"]["token"])).await);
    }
}

#[tokio::test]
async fn who_signed_up_can_sign_in_by_name_and_by_address() {
    let user = User::sign_up().await;
    for identifier in [&user.username, &user.email] {
        let answer = sign_in(identifier, PASSWORD).await.ok(200);
        assert_eq!(answer["data"]["user"], shown(&user));
    }
}

#[tokio::test]
async fn neither_the_password_nor_the_code_nor_the_token_is_stored() {
    let Some(stack) = stack_or_skip("reads the table") else { return };
    let (username, email, key) = (random_username(), random_email(), random_email());
    let password = format!("a password of {username}");
    let code = send_otp(&email).await;
    let mut body = registration(&username, &email, &code);
    body["password"] = json!(password);
    let made = Client::new().post("/api/sign-up").key(&key).json(&body).send().await.ok(201);
    let token = text(&made["data"]["token"]);
    let mine = |item: &&Value| texts(item).iter().any(|text| text.contains(&username) || *text == code);
    let stored = stored_in(stack.dynamodb_url(), stack).await;
    assert!(stored.iter().filter(mine).count() >= 3);
    for item in &stored {
        for text in texts(item) {
            assert!(!text.contains(&password) && !text.contains(&token) && !text.contains(&key), "{item}");
            assert!(!(item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("OTP#")) && text == code), "{item}");
        }
    }
}
