//! Codes that are sent by mail while SES or DynamoDB fails: `POST /api/send-otp`, `POST /api/auth/sign-in` on a new
//! device, `POST /api/auth/forgot-password`.

use serde_json::{Value, json};

use super::{
    FAILURES, Failure, Loss, assert_cause_logged, assert_degraded, assert_failed, assert_not_logged, deletes, is_alive,
    limited, remaining,
};
use crate::support::{
    ALWAYS, Answer, Client, Fault, FaultyStack, PASSWORD, StoreCall, User, code_for, line_of, mails_for, random_email,
    random_username,
};

const SENT: &str = "OTP sent successfully";

async fn send_otp(client: &Client, email: &str, key: Option<&str>) -> Answer {
    let call = client.post("/api/send-otp").json(&json!({ "email": email }));
    key.into_iter().fold(call, |call, key| call.key(key)).send().await
}

#[track_caller]
fn sent(answer: &Answer) {
    answer.is(200, json!({ "success": true, "message": SENT }));
}

/// The documented 500 of send-otp, and its log line.
async fn not_sent(stack: &FaultyStack, answer: &Answer, secrets: &[&str]) {
    answer.fails(500, "Failed to send OTP");
    assert_cause_logged(stack, answer, secrets).await;
}

async fn sign_up(email: &str, otp: &str) -> Answer {
    let body = json!({ "username": random_username(), "email": email, "password": PASSWORD, "otp": otp });
    Client::new().post("/api/sign-up").json(&body).send().await
}

async fn forgot(email: &str) -> Answer {
    Client::new().post("/api/auth/forgot-password").json(&json!({ "email": email })).send().await
}

/// The ways in which SES does not accept a mail.
#[derive(Clone, Copy, Debug)]
enum NoMail {
    Rejected(&'static str),
    Failing(Failure),
}

const NO_MAIL: [NoMail; 5] = [
    NoMail::Rejected("MessageRejected"),
    NoMail::Rejected("AccountSuspendedException"),
    NoMail::Failing(FAILURES[0]),
    NoMail::Failing(FAILURES[1]),
    NoMail::Failing(FAILURES[2]),
];

impl NoMail {
    fn begin(self, stack: &FaultyStack) -> Fault {
        let mail = stack.ses.when(|call| call.mails(""));
        match self {
            NoMail::Rejected(reason) => mail.reject(reason, ALWAYS),
            NoMail::Failing(failure) => failure.of(mail, ALWAYS),
        }
    }
}

/// The write of a code: by itself where nothing has to happen with it.
fn keeps_code(call: &StoreCall, code: &str) -> bool {
    call.asks("PutItem", code) || call.asks("TransactWriteItems", code)
}

#[tokio::test]
async fn a_code_that_could_not_be_mailed_is_not_valid_and_does_not_count() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for no_mail in NO_MAIL {
        println!("{no_mail:?}");
        let (client, email) = (Client::new(), random_email());
        let down = no_mail.begin(&stack);
        not_sent(&stack, &send_otp(&client, &email, Some("key")).await, &[&email, &client.address]).await;
        down.over().await;
        for kept in ["OTP#sign-up", "IDEM#"] {
            assert!(stack.stored_with(kept).await.is_empty(), "{kept}");
        }

        let first = send_otp(&client, &email, Some("key")).await;
        sent(&first);
        assert_eq!((remaining(&first, "codes"), remaining(&first, "codes-to-address")), (9, 2));
        sent(&send_otp(&client, &email, Some("key")).await);
        assert_eq!(mails_for(&email).await.len(), 1);
        for _ in 0..2 {
            sent(&send_otp(&client, &email, None).await);
        }
        limited(&send_otp(&client, &email, None).await, "codes-to-address");
        sign_up(&email, &code_for(&email).await).await.ok(201);
        for item in [stack.stored_with("IDEM#").await, stack.stored_with("OTP#").await].concat() {
            stack.expire(&item).await;
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn an_address_that_ses_says_can_not_exist_is_the_callers_fault_and_counts() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for key in [None, Some("key")] {
        let client = Client::new();
        let refused = stack.ses.when(|call| call.mails("")).reject("BadRequestException", ALWAYS);
        let email = random_email();
        for _ in 0..3 {
            let answer = send_otp(&client, &email, key).await;
            answer.fails(400, "email must be an address that mail can reach. Check it");
            let (_, line) = line_of(&stack.stack, &answer).await;
            assert_eq!((&line["failed"], &line["level"]), (&json!(0), &json!("warn")), "{line}");
        }
        for kept in ["OTP#sign-up", "IDEM#"] {
            assert!(stack.stored_with(kept).await.is_empty(), "{kept}");
        }
        limited(&send_otp(&client, &email, key).await, "codes-to-address");
        for _ in 0..7 {
            assert_eq!(send_otp(&client, &random_email(), None).await.status, 400);
        }
        refused.over().await;
        limited(&send_otp(&client, &random_email(), None).await, "codes");
    }
    stack.stop().await;
}

/// SES does not recognise a retry: the mail goes out twice, with the same code.
#[tokio::test]
async fn a_mail_whose_answer_is_lost_contains_the_valid_code() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let email = random_email();
        let lost = loss.of(stack.ses.when(|call| call.mails("")), 1);
        let answer = send_otp(&Client::new(), &email, None).await;
        lost.over().await;
        sent(&answer);
        assert_eq!((remaining(&answer, "codes"), remaining(&answer, "codes-to-address")), (9, 2));
        let texts: Vec<Value> = mails_for(&email).await.iter().map(|mail| mail["text"].clone()).collect();
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
        sign_up(&email, &code_for(&email).await).await.ok(201);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_mail_none_of_whose_answers_arrives_contains_a_code_that_is_not_valid() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for loss in [Loss::Ended, Loss::Silence] {
        println!("{loss:?}");
        let (client, email) = (Client::new(), random_email());
        let lost = loss.of(stack.ses.when(|call| call.mails("")), ALWAYS);
        not_sent(&stack, &send_otp(&client, &email, None).await, &[&email]).await;
        lost.over().await;
        let code = code_for(&email).await;
        assert_not_logged(&stack, &[&code]);
        sign_up(&email, &code).await.fails(401, "Invalid OTP");
        for left in [2, 1, 0] {
            let answer = send_otp(&client, &email, None).await;
            sent(&answer);
            assert_eq!(remaining(&answer, "codes-to-address"), left);
        }
        sign_up(&email, &code_for(&email).await).await.ok(201);
    }
    stack.stop().await;
}

#[tokio::test]
async fn while_the_store_fails_no_code_goes_out() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let calls = [
        ("GetItem", "EMAIL#"),
        ("GetItem", "LIMIT#codes#"),
        ("GetItem", "LIMIT#codes-to-address#"),
        ("GetItem", "IDEM#"),
        ("TransactWriteItems", "OTP#sign-up"),
    ];
    for (n, (operation, text)) in calls.into_iter().enumerate() {
        println!("{operation} {text}");
        let (client, email) = (Client::new(), random_email());
        let failing = stack.dynamodb.when(move |call| call.asks(operation, text));
        let down = FAILURES[n % FAILURES.len()].of(failing, ALWAYS);
        not_sent(&stack, &send_otp(&client, &email, Some("key")).await, &[&email, &client.address]).await;
        down.over().await;
        assert!(mails_for(&email).await.is_empty());
        for _ in 0..2 {
            sent(&send_otp(&client, &email, Some("key")).await);
        }
        assert_eq!(mails_for(&email).await.len(), 1);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_code_whose_answer_from_the_store_is_lost_is_mailed_once_and_counted_once() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    for (loss, key) in [(Loss::Ended, None), (Loss::Silence, Some("key"))] {
        println!("{loss:?}, {key:?}");
        let (client, email) = (Client::new(), random_email());
        let lost = loss.of(stack.dynamodb.when(|call| keeps_code(call, "OTP#sign-up")), 1);
        let answer = send_otp(&client, &email, key).await;
        lost.over().await;
        sent(&answer);
        assert_eq!((remaining(&answer, "codes-to-address"), mails_for(&email).await.len()), (2, 1));
        sent(&send_otp(&client, &email, None).await);
        assert_eq!(remaining(&send_otp(&client, &email, None).await, "codes-to-address"), 0);
    }
    stack.stop().await;
}

/// When both the mail and the store fail, the stored answer of an unsent mail can't be removed.
#[tokio::test]
async fn a_repeated_request_never_says_that_a_mail_went_out_that_did_not() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let (client, email) = (Client::new(), random_email());
    let no_mail = stack.ses.when(|call| call.mails("")).reject("MessageRejected", ALWAYS);
    let no_undoing = stack.dynamodb.when(|call| deletes(call, "IDEM#")).answer(500, ALWAYS);
    not_sent(&stack, &send_otp(&client, &email, Some("key")).await, &[&email]).await;
    no_undoing.over().await;
    no_mail.over().await;
    let repeated = send_otp(&client, &email, Some("key")).await;
    assert!(repeated.status != 200 || mails_for(&email).await.len() == 1, "{}, but no mail went out", repeated.text());
    stack.stop().await;
}

#[tokio::test]
async fn a_new_device_signs_in_without_the_mail_and_gets_its_code_at_the_next_sign_in() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let user = User::sign_up().await;
    let mails = mails_for(&user.email).await.len();
    for no_mail in NO_MAIL {
        println!("{no_mail:?}");
        let down = no_mail.begin(&stack);
        let answer = user.sign_in(json!({})).await;
        down.over().await;
        let data = &answer.ok(200)["data"];
        assert_eq!((&data["device"]["trusted"], mails_for(&user.email).await.len()), (&json!(false), mails));
        assert_degraded(&stack, &answer, "SendEmail").await;
        assert_not_logged(&stack, &[&user.email, &user.username, PASSWORD]);
        assert!(stack.stored_with("OTP#device").await.is_empty());
        assert!(is_alive(data["token"].as_str().expect("a token")).await);
        let device = data["device"]["id"].as_str().expect("an id");
        Client::new().delete(&format!("/api/auth/devices/{device}")).bearer(&user.token).send().await.ok(200);
    }

    let down = Failure::Status(500).of(stack.ses.when(|call| call.mails("")), ALWAYS);
    let device = user.sign_in(json!({})).await.ok(200)["data"]["device"]["id"].take();
    down.over().await;
    // Mails that failed do not count against the address's limit.
    for n in 1..=3 {
        let again = user.sign_in(json!({ "deviceId": device })).await.ok(200);
        assert_eq!((&again["data"]["device"]["id"], mails_for(&user.email).await.len()), (&device, mails + n));
        if n == 3 {
            let token = again["data"]["token"].as_str().expect("a token");
            let code = json!({ "code": code_for(&user.email).await });
            let verified = Client::new().post("/api/auth/devices/verify").bearer(token).json(&code).send().await;
            assert_eq!(verified.ok(200)["data"]["device"]["trusted"], true);
        }
    }
    stack.stop().await;
}

/// The answer takes the same time, however long the mail takes to fail.
#[tokio::test]
async fn forgot_password_answers_the_same_while_no_mail_goes_out() {
    let Some(stack) = FaultyStack::without_workers().await else { return };
    let as_ever = forgot(&random_email()).await.ok(200);
    let mut user = User::sign_up().await;
    for no_mail in NO_MAIL {
        println!("{no_mail:?}");
        user = User::sign_up().await;
        let mails = mails_for(&user.email).await.len();
        let down = no_mail.begin(&stack);
        let answer = forgot(&user.email).await;
        down.over().await;
        answer.is(200, as_ever.clone());
        // The log says that there was no mail, whether SES failed first or the time ran out first.
        let (_, line) = line_of(&stack.stack, &answer).await;
        assert_eq!((&line["level"], &line["status"]), (&json!("warn"), &json!(200)), "{line}");
        assert_not_logged(&stack, &[&user.email, &user.username]);
        forgot(&user.email).await.is(200, as_ever.clone());
        assert_eq!(mails_for(&user.email).await.len(), mails + 1);
    }
    let down = stack.dynamodb.when(|call| keeps_code(call, "OTP#new-password")).answer(500, ALWAYS);
    let answer = forgot(&user.email).await;
    down.over().await;
    answer.is(200, as_ever.clone());
    let (_, line) = line_of(&stack.stack, &answer).await;
    assert_eq!(line["level"], "warn", "{line}");
    let down = stack.dynamodb.when(|call| call.asks("GetItem", "EMAIL#")).answer(500, ALWAYS);
    assert_failed(&stack, &forgot(&user.email).await, &[&user.email]).await;
    down.over().await;

    let body = json!({ "email": user.email, "code": code_for(&user.email).await, "newPassword": "another password" });
    Client::new().post("/api/auth/reset-password").json(&body).send().await.ok(200);
    super::sign_in(&user.username, "another password").await.ok(200);
    stack.stop().await;
}
