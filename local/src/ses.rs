//! The embedded SES: accepts the mails that `SendEmail` of SES accepts. It puts them into the outbox and sends nothing.

use crate::http;
use crate::outbox::Outbox;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::StatusCode;
use hyper::header::HeaderName;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// `SendEmail` of version 2 of the API.
const PATH: &str = "/v2/email/outbound-emails";

/// `GetAccount` of version 2 of the API.
const ACCOUNT_PATH: &str = "/v2/email/account";

/// The mails that an account out of SES's sandbox may send in 24 hours at first.
const DAILY_QUOTA: u32 = 50_000;

/// SES's limit on a message: 40 MB.
const MESSAGE_LIMIT: usize = 40 * 1024 * 1024;

/// SES's limit on the recipients of a message.
const RECIPIENTS: usize = 50;

/// The kind of an error, for the SDKs.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Email {
    from_email_address: Option<String>,
    #[serde(default)]
    reply_to_addresses: Vec<String>,
    destination: Option<Destination>,
    content: Option<Content>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Destination {
    to_addresses: Vec<String>,
    cc_addresses: Vec<String>,
    bcc_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    subject: Option<Text>,
    body: Option<Parts>,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parts {
    text: Option<Text>,
    html: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Header {
    name: String,
    value: String,
}

pub fn router(outbox: Outbox) -> Router {
    Router::new()
        .route(PATH, post(send_email))
        .route(ACCOUNT_PATH, get(get_account))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .with_state(outbox)
}

async fn unknown(body: Body) -> Response {
    http::drain(body);
    refusal(StatusCode::NOT_FOUND, "UnknownOperationException", "")
}

async fn send_email(State(outbox): State<Outbox>, body: Body) -> Response {
    let body = http::read(body, MESSAGE_LIMIT).await.unwrap_or_default();
    let email = match serde_json::from_slice::<Email>(&body) {
        Ok(email) => email,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, "SerializationException", &error.to_string()),
    };
    match email.checked() {
        Ok(email) => {
            outbox.push("email", email);
            Json(json!({"MessageId": uuid::Uuid::new_v4().to_string()})).into_response()
        }
        Err(why) => refusal(StatusCode::BAD_REQUEST, "BadRequestException", why),
    }
}

/// The quota, and how many mails the outbox has. It has no more than it keeps, so the quota is never used up.
async fn get_account(State(outbox): State<Outbox>) -> Response {
    let quota = json!({"Max24HourSend": DAILY_QUOTA, "MaxSendRate": 14, "SentLast24Hours": outbox.count("email")});
    let account = json!({"SendQuota": quota, "SendingEnabled": true, "ProductionAccessEnabled": true});
    Json(account).into_response()
}

fn refusal(status: StatusCode, kind: &'static str, message: &str) -> Response {
    ([(ERROR_TYPE, kind)], http::message(status, message)).into_response()
}

impl Email {
    /// The mail as the outbox shows it, or the reason why SES would refuse it.
    fn checked(self) -> Result<Value, &'static str> {
        let from = self.from_email_address.ok_or("FromEmailAddress is required.")?;
        let Destination { to_addresses: to, cc_addresses: cc, bcc_addresses: bcc } =
            self.destination.unwrap_or_default();
        let recipients = || to.iter().chain(&cc).chain(&bcc);
        match recipients().count() {
            0 => return Err("Destination must have at least one recipient."),
            1..=RECIPIENTS => {}
            _ => return Err("Recipient count exceeds 50."),
        }
        if recipients().chain([&from]).chain(&self.reply_to_addresses).any(|address| !has_domain(address)) {
            return Err("Missing final '@domain'");
        }
        let message = self.content.and_then(|content| content.simple).ok_or("Content.Simple is required.")?;
        let subject = message.subject.ok_or("Content.Simple.Subject is required.")?.data;
        let body = message.body.ok_or("Content.Simple.Body is required.")?;
        if body.text.is_none() && body.html.is_none() {
            return Err("Content.Simple.Body must have a Text or an Html.");
        }
        let headers = || message.headers.iter().flat_map(|header| [&header.name, &header.value]);
        if headers().chain([&subject]).chain(recipients()).chain([&from]).any(|line| line.contains(['\r', '\n'])) {
            return Err("A header must be one line.");
        }
        let headers: Map<String, Value> =
            message.headers.into_iter().map(|header| (header.name, header.value.into())).collect();
        let mut email = json!({
            "from": from,
            "to": to,
            "subject": subject,
            "text": body.text.map(|text| text.data),
            "html": body.html.map(|html| html.data),
            "headers": headers,
        });
        for (name, addresses) in [("cc", cc), ("bcc", bcc), ("replyTo", self.reply_to_addresses)] {
            if !addresses.is_empty() {
                email[name] = json!(addresses);
            }
        }
        Ok(email)
    }
}

/// Whether `address` is `local@domain` or `Name <local@domain>`.
fn has_domain(address: &str) -> bool {
    let bare = address.strip_suffix('>').and_then(|named| named.rsplit_once('<')).map_or(address, |(_, bare)| bare);
    bare.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}
