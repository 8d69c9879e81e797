//! A user with an account, for nearly every test of accounts and inboxes.

use serde_json::{Value, json};
use uuid::Uuid;

use super::codes::{code_from_table, codes_are_in_table};
use super::sent::outbox;
use super::{Answer, Call, Client, all_at_once};

pub const PASSWORD: &str = "correct horse battery";

#[derive(Clone)]
pub struct User {
    pub id: String,
    pub username: String,
    pub email: String,
    pub password: String,
    /// The session of the sign-up, on a trusted device.
    pub token: String,
    pub device: String,
    /// The client that the user sends requests from.
    pub client: Client,
}

pub fn random_username() -> String {
    format!("U{}", &Uuid::new_v4().simple().to_string()[..19])
}

pub fn random_email() -> String {
    let name = Uuid::new_v4().simple();
    match codes_are_in_table() {
        // Mails really go out there. SES's simulator accepts them, even from an account in the sandbox.
        true => format!("success+{name}@simulator.amazonses.com"),
        false => format!("{name}@example.com"),
    }
}

/// The six digits of the newest mail to an address.
pub async fn code_for(email: &str) -> String {
    // Notifications, which may come late, can be unsubscribed from.
    let mut mails = mails_for(email).await.into_iter();
    let mail = mails.find(|mail| mail["headers"]["List-Unsubscribe"].is_null()).expect("a mail");
    let text = mail["text"].as_str().expect("a text part").to_owned();
    let mut words = text.split(|c: char| !c.is_ascii_digit());
    words.find(|word| word.len() == 6).unwrap_or_else(|| panic!("no code: {text}")).to_owned()
}

/// The newest mail to an address.
pub async fn mail_for(email: &str) -> Value {
    mails_for(email).await.into_iter().next().expect("a mail")
}

/// All mails to an address, newest first. A function answers after its mail has gone out, so none is late.
pub async fn mails_for(email: &str) -> Vec<Value> {
    outbox(|entry| entry["kind"] == "email" && entry["to"] == json!([email])).await
}

/// Requests a sign-up code. Returns it from the mail, or from the table where mails can't be read.
pub async fn send_otp(email: &str) -> String {
    Client::new().post("/api/send-otp").json(&json!({ "email": email })).send().await.ok(200);
    match codes_are_in_table() {
        true => code_from_table(email).await,
        false => code_for(email).await,
    }
}

impl User {
    pub async fn sign_up() -> User {
        User::named(&random_username()).await
    }

    pub async fn named(username: &str) -> User {
        let email = random_email();
        let code = send_otp(&email).await;
        let client = Client::new();
        let body = json!({ "username": username, "email": email, "password": PASSWORD, "otp": code });
        let answer = client.post("/api/sign-up").json(&body).send().await.ok(201);
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        let data = &answer["data"];
        User {
            id: text(&data["id"]),
            username: username.to_owned(),
            email,
            password: PASSWORD.to_owned(),
            token: text(&data["token"]),
            device: text(&data["device"]["id"]),
            client,
        }
    }

    /// Signs up that many users concurrently.
    pub async fn many(count: usize) -> Vec<User> {
        all_at_once((0..count).map(|_| User::sign_up())).await
    }

    pub fn get(&self, path: &str) -> Call {
        self.client.get(path).bearer(&self.token)
    }

    pub fn post(&self, path: &str) -> Call {
        self.client.post(path).bearer(&self.token)
    }

    pub fn patch(&self, path: &str) -> Call {
        self.client.patch(path).bearer(&self.token)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.client.delete(path).bearer(&self.token)
    }

    /// Signs in on a device that is new to the account; the same user there.
    pub async fn on_new_device(&self) -> User {
        let answer = self.sign_in(json!({})).await.ok(200);
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        User { token: text(&answer["data"]["token"]), device: text(&answer["data"]["device"]["id"]), ..self.clone() }
    }

    /// The same on a device that the mailed code has made a trusted one.
    pub async fn on_trusted_device(&self) -> User {
        let user = self.on_new_device().await;
        let body = json!({ "code": code_for(&self.email).await });
        user.post("/api/auth/devices/verify").json(&body).send().await.ok(200);
        user
    }

    /// Signs in with these fields besides name and password, from a new client.
    pub async fn sign_in(&self, fields: Value) -> Answer {
        let mut body = json!({ "identifier": self.username, "password": self.password });
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        Client::new().post("/api/auth/sign-in").json(&body).send().await
    }

    /// Sends a message to the user's inbox from a new client.
    pub async fn receive(&self, content: &str) -> Answer {
        self.receive_from(&Client::new(), content).await
    }

    pub async fn receive_from(&self, sender: &Client, content: &str) -> Answer {
        sender.post("/api/send-message").json(&json!({ "username": self.username, "content": content })).send().await
    }

    /// A page of the inbox, with these query parameters.
    pub async fn page(&self, query: &str) -> Value {
        self.get(&format!("/api/get-messages{query}")).send().await.ok(200)
    }

    /// The newest messages, 100 at most.
    pub async fn inbox(&self) -> Vec<Value> {
        self.page("").await["messages"].as_array().expect("messages").clone()
    }

    /// Receives a message, and returns it as the inbox shows it.
    pub async fn received(&self, content: &str) -> Value {
        self.receive(content).await.ok(201);
        let newest = self.inbox().await.into_iter().next().expect("a message");
        assert_eq!(newest["content"], content);
        newest
    }
}
