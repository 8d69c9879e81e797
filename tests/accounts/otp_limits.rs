//! Limits of codes: three in ten minutes per address, ten an hour per client.

use serde_json::json;

use crate::support::{Answer, Client, User, all_at_once, code_for, mails_for, random_email, random_username};

use super::steps::{limited, registration, sign_up};

fn sent(answer: &Answer) {
    answer.is(200, json!({ "success": true, "message": "OTP sent successfully" }));
}

async fn ask(client: Client, email: String) -> Answer {
    client.post("/api/send-otp").json(&json!({ "email": email })).send().await
}

#[tokio::test]
async fn of_100_codes_for_one_address_from_many_clients_at_once_exactly_3_are_sent() {
    let email = random_email();
    let answers = all_at_once((0..100).map(|_| ask(Client::new(), email.clone()))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((done.len(), refused.len()), (3, 97));
    done.into_iter().for_each(sent);
    for answer in refused {
        limited(answer, "codes-to-address", 3, 600);
    }
    assert_eq!(mails_for(&email).await.len(), 3);
    limited(&ask(Client::new(), email.clone()).await, "codes-to-address", 3, 600);
    // Other spellings are the same mailbox.
    for spelled in [email.replace("@example.com", "@Example.COM "), email.to_uppercase()] {
        limited(&ask(Client::new(), spelled).await, "codes-to-address", 3, 600);
    }
    sent(&ask(Client::new(), random_email()).await);
}

#[tokio::test]
async fn the_newest_of_the_codes_that_were_sent_at_once_is_good() {
    let email = random_email();
    let answers = all_at_once((0..3).map(|_| ask(Client::new(), email.clone()))).await;
    answers.iter().for_each(sent);
    // The mails don't say which of the three codes was stored last. Exactly one of them is valid.
    let mut good = 0;
    for mail in mails_for(&email).await {
        let text = mail["text"].as_str().expect("a text").to_owned();
        let code = text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6).expect("a code").to_owned();
        let answer = sign_up(&registration(&random_username(), &email, &code)).await;
        match answer.status {
            201 => good += 1,
            409 => answer.fails(409, "User Already Exists"),
            _ => answer.fails(401, "Invalid OTP"),
        }
    }
    assert_eq!(good, 1);
}

#[tokio::test]
async fn the_11th_code_within_an_hour_is_refused_to_a_client_whatever_the_address() {
    let client = Client::new();
    for n in 1..=10 {
        let answer = ask(client.clone(), random_email()).await;
        sent(&answer);
        let told = answer.header("ratelimit").expect("a RateLimit header");
        assert!(told.contains(&format!("\"codes\";r={};t=", 10 - n)), "{told}");
        assert!(told.contains("\"codes-to-address\";r=2;t="), "{told}");
        let policy = answer.header("ratelimit-policy").expect("a RateLimit-Policy header");
        let mut policies: Vec<_> = policy.split(", ").collect();
        policies.sort();
        assert_eq!(policies, ["\"codes\";q=10;w=3600", "\"codes-to-address\";q=3;w=600"]);
    }
    let email = random_email();
    limited(&ask(client.clone(), email.clone()).await, "codes", 10, 3600);
    assert_eq!(mails_for(&email).await.len(), 0);
    // Refused requests do not count against the address's limit.
    for _ in 0..3 {
        sent(&ask(Client::new(), email.clone()).await);
    }
    let code = code_for(&email).await;
    sign_up(&registration(&random_username(), &email, &code)).await.ok(201);
}

#[tokio::test]
async fn of_40_codes_for_40_addresses_at_once_a_client_gets_10() {
    let client = Client::new();
    let answers = all_at_once((0..40).map(|_| ask(client.clone(), random_email()))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((done.len(), refused.len()), (10, 30));
    for answer in refused {
        limited(answer, "codes", 10, 3600);
    }
}

#[tokio::test]
async fn what_was_refused_takes_nothing_from_a_client() {
    let (client, email) = (Client::new(), random_email());
    for _ in 0..3 {
        sent(&ask(client.clone(), email.clone()).await);
    }
    for _ in 0..5 {
        limited(&ask(client.clone(), email.clone()).await, "codes-to-address", 3, 600);
        ask(client.clone(), "nobody".to_owned()).await.fails(400, "email must be an e-mail address");
    }
    for _ in 0..7 {
        sent(&ask(client.clone(), random_email()).await);
    }
    limited(&ask(client, random_email()).await, "codes", 10, 3600);
}

#[tokio::test]
async fn an_answer_that_tells_of_an_account_counts_like_a_code() {
    let client = Client::new();
    let users = User::many(5).await;
    for user in &users {
        for key in [None, Some("a-key")] {
            let call = client.post("/api/send-otp").json(&json!({ "email": user.email }));
            let call = key.into_iter().fold(call, |call, key| call.key(key));
            call.send().await.fails(409, "User already registered");
        }
    }
    limited(&ask(client, random_email()).await, "codes", 10, 3600);
    // The address has its limit, too, whoever asks. The sign-up's code was the first of three.
    limited(&ask(Client::new(), users[0].email.clone()).await, "codes-to-address", 3, 600);
}
