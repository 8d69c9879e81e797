//! Simple Email Service's part of the stack: takes what its `SendEmail` takes, and sends nothing.

use crate::Error;
use crate::http::{self, Body};
use crate::life::Life;
use crate::outbox::Outbox;
use crate::reach;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::net::{IpAddr, SocketAddr};

/// `SendEmail` of the API's second version.
const PATH: &str = "/v2/email/outbound-emails";

/// The most that a message may have: 40 MB, as in SES.
const MESSAGE_LIMIT: usize = 40 * 1024 * 1024;

/// The most recipients that a message may have, as in SES.
const RECIPIENTS: usize = 50;

/// Says in an answer what went wrong, for the SDKs.
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

/// Serves an SES on a free port of `host` until `life` ends; its URL.
pub async fn start(outbox: Outbox, host: IpAddr, life: &Life) -> Result<String, Error> {
    let (listener, url) = reach::listen(host).await?;
    tokio::spawn(http::serve(listener, life.clone(), move |request, _: SocketAddr| {
        let outbox = outbox.clone();
        async move { answer(&outbox, request).await }
    }));
    Ok(url)
}

async fn answer(outbox: &Outbox, request: Request<Incoming>) -> Response<Body> {
    if (request.method(), request.uri().path()) != (&Method::POST, PATH) {
        http::drain(request.into_body());
        return refusal(StatusCode::NOT_FOUND, "UnknownOperationException", "");
    }
    let body = http::read(request.into_body(), MESSAGE_LIMIT).await.unwrap_or_default();
    let email = match serde_json::from_slice::<Email>(&body) {
        Ok(email) => email,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, "SerializationException", &error.to_string()),
    };
    match email.accepted() {
        Ok(said) => {
            let id = uuid::Uuid::new_v4();
            outbox.push("email", said);
            http::with_type(StatusCode::OK, "application/json", json!({"MessageId": id.to_string()}).to_string())
        }
        Err(why) => refusal(StatusCode::BAD_REQUEST, "BadRequestException", why),
    }
}

fn refusal(status: StatusCode, kind: &'static str, message: &str) -> Response<Body> {
    let mut response = http::message(status, message);
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
    response
}

impl Email {
    /// What the outbox says of it, or why SES would not take it.
    fn accepted(self) -> Result<Value, &'static str> {
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
        let mut said = json!({
            "from": from,
            "to": to,
            "subject": subject,
            "text": body.text.map(|text| text.data),
            "html": body.html.map(|html| html.data),
            "headers": headers,
        });
        for (name, addresses) in [("cc", cc), ("bcc", bcc), ("replyTo", self.reply_to_addresses)] {
            if !addresses.is_empty() {
                said[name] = json!(addresses);
            }
        }
        Ok(said)
    }
}

/// Whether `address` is `local@domain`, perhaps as `Name <local@domain>`.
fn has_domain(address: &str) -> bool {
    let bare = address.strip_suffix('>').and_then(|named| named.rsplit_once('<')).map_or(address, |(_, bare)| bare);
    bare.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}
