//! SQS's wire format: AWS JSON 1.0. Signatures are not looked at, as who can reach this may do everything.

use super::queue::{Received, digest};
use super::{MESSAGE_LIMIT, Queues, Refusal};
use crate::http::{self, Body};
use crate::life::Life;
use crate::{ACCOUNT, Error, REGION, reach};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;
use time::OffsetDateTime;

/// What a request's body may have: a message whose every byte is escaped, and some more.
const BODY_LIMIT: usize = 6 * MESSAGE_LIMIT + 65_536;

/// Says what is to be done.
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Says in an answer what went wrong as the older protocol called it.
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    queue_name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, rename = "tags")]
    _tags: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Named {
    queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    #[serde(default)]
    queue_name_prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Target {
    queue_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Look {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Send {
    queue_url: String,
    message_body: String,
    delay_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Receive {
    queue_url: String,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    /// Messages have none here, so none are left out.
    #[serde(default, rename = "MessageAttributeNames")]
    _message_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    queue_url: String,
    receipt_handle: String,
}

/// Serves the queues on a free port of `host` until `life` ends; the URL.
pub async fn start(queues: Queues, host: IpAddr, life: &Life) -> Result<String, Error> {
    let (listener, url) = reach::listen(host).await?;
    tokio::spawn(http::serve(listener, life.clone(), move |request, _: SocketAddr| {
        let queues = queues.clone();
        async move { answer(&queues, request).await }
    }));
    Ok(url)
}

async fn answer(queues: &Queues, request: Request<Incoming>) -> Response<Body> {
    let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let target = header(TARGET).unwrap_or_default().to_owned();
    let place = format!("http://{}/{ACCOUNT}", header(HOST).unwrap_or("localhost"));
    let done = match (request.method(), target.strip_prefix("AmazonSQS.")) {
        (&Method::POST, Some(operation)) => match http::read(request.into_body(), BODY_LIMIT).await {
            Ok(body) => queues.perform(operation, &body, &place).await,
            Err(_) => Err(Refusal::parameter("MessageBody", "it must be shorter than 1048576 bytes")),
        },
        _ => {
            http::drain(request.into_body());
            Err(Refusal::operation(&target))
        }
    };
    match done {
        Ok(answer) => http::with_type(StatusCode::OK, "application/x-amz-json-1.0", answer.to_string()),
        Err(refusal) => refusal.response(),
    }
}

impl Queues {
    /// Does what the request asks for; `place` is where its sender sees the queues.
    async fn perform(&self, operation: &str, body: &[u8], place: &str) -> Result<Value, Refusal> {
        let url = |name: &str| format!("{place}/{name}");
        Ok(match operation {
            "CreateQueue" => {
                let Create { queue_name, attributes, .. } = asked(body)?;
                self.create(&queue_name, &attributes)?;
                json!({"QueueUrl": url(&queue_name)})
            }
            "DeleteQueue" => {
                self.delete(name(&asked::<Target>(body)?.queue_url))?;
                json!({})
            }
            "GetQueueUrl" => {
                let Named { queue_name } = asked(body)?;
                self.with(&queue_name, |_| ())?;
                json!({"QueueUrl": url(&queue_name)})
            }
            "ListQueues" => {
                let List { queue_name_prefix: prefix } = asked(body)?;
                let names = self.names().into_iter().filter(|name| name.starts_with(&prefix));
                json!({"QueueUrls": names.map(|name| url(&name)).collect::<Vec<_>>()})
            }
            "PurgeQueue" => {
                self.with(name(&asked::<Target>(body)?.queue_url), |queue| queue.purge())?;
                json!({})
            }
            "GetQueueAttributes" => {
                let Look { queue_url, attribute_names } = asked(body)?;
                json!({"Attributes": self.attributes(name(&queue_url), &attribute_names)?})
            }
            "SendMessage" => {
                let Send { queue_url, message_body, delay_seconds } = asked(body)?;
                let delay = number("DelaySeconds", delay_seconds, 0..=900)?.unwrap_or(0);
                let digest = digest(&message_body);
                let id = self.send(name(&queue_url), message_body, Duration::from_secs(delay))?;
                json!({"MessageId": id, "MD5OfMessageBody": digest})
            }
            "ReceiveMessage" => {
                let asked: Receive = asked(body)?;
                let most = number("MaxNumberOfMessages", asked.max_number_of_messages, 1..=10)?.unwrap_or(1);
                let hidden = number("VisibilityTimeout", asked.visibility_timeout, 0..=43_200)?;
                let patience = number("WaitTimeSeconds", asked.wait_time_seconds, 0..=20)?.unwrap_or(0);
                let (hidden, patience) = (hidden.map(Duration::from_secs), Duration::from_secs(patience));
                let received = self.receive(name(&asked.queue_url), most as usize, hidden, patience).await?;
                let wanted = [asked.attribute_names, asked.message_system_attribute_names].concat();
                let received: Vec<Value> = received.iter().map(|message| message.told(&wanted)).collect();
                if received.is_empty() { json!({}) } else { json!({"Messages": received}) }
            }
            "DeleteMessage" => {
                let Delete { queue_url, receipt_handle } = asked(body)?;
                self.with(name(&queue_url), |queue| queue.delete(&receipt_handle))?;
                json!({})
            }
            unknown => return Err(Refusal::operation(unknown)),
        })
    }

    fn attributes(&self, name: &str, wanted: &[String]) -> Result<Map<String, Value>, Refusal> {
        let (now, arn) = (OffsetDateTime::now_utc(), format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"));
        let (counts, attributes) = self.with(name, |queue| (queue.counts(now), queue.attributes.told()))?;
        let count = |place: usize| counts[place].to_string();
        let all = [
            ("ApproximateNumberOfMessages", count(0)),
            ("ApproximateNumberOfMessagesNotVisible", count(1)),
            ("ApproximateNumberOfMessagesDelayed", count(2)),
            ("QueueArn", arn),
            ("MaximumMessageSize", MESSAGE_LIMIT.to_string()),
        ];
        let all: Map<String, Value> =
            all.into_iter().chain(attributes).map(|(name, value)| (name.to_owned(), value.into())).collect();
        if wanted.iter().any(|name| name == "All") {
            return Ok(all);
        }
        let one = |name: &String| Ok((name.clone(), all.get(name).cloned().ok_or_else(|| Refusal::attribute(name))?));
        wanted.iter().map(one).collect()
    }
}

impl Received {
    fn told(&self, wanted: &[String]) -> Value {
        let attributes = [
            ("ApproximateReceiveCount", self.count.to_string()),
            ("ApproximateFirstReceiveTimestamp", self.first_received.to_string()),
            ("SenderId", ACCOUNT.to_owned()),
            ("SentTimestamp", self.sent.to_string()),
        ];
        let is_wanted = |name: &str| wanted.iter().any(|wanted| wanted == "All" || wanted == name);
        let attributes: Map<String, Value> = attributes
            .into_iter()
            .filter(|(name, _)| is_wanted(name))
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let mut told = json!({
            "MessageId": self.id,
            "ReceiptHandle": self.receipt,
            "MD5OfBody": digest(&self.body),
            "Body": self.body,
        });
        if !attributes.is_empty() {
            told["Attributes"] = attributes.into();
        }
        told
    }
}

impl Refusal {
    fn response(self) -> Response<Body> {
        let Self { kind, code, message } = self;
        let (status, fault) = match code {
            "InternalFailure" => (StatusCode::INTERNAL_SERVER_ERROR, "Receiver"),
            _ => (StatusCode::BAD_REQUEST, "Sender"),
        };
        let body = json!({"__type": kind, "message": message}).to_string();
        let mut response = http::with_type(status, "application/x-amz-json-1.0", body);
        if let Ok(code) = HeaderValue::from_str(&format!("{code};{fault}")) {
            response.headers_mut().insert(QUERY_ERROR, code);
        }
        response
    }
}

fn asked<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::parameter("The request", &error.to_string()))
}

/// The queue's name, at the end of its URL.
fn name(url: &str) -> &str {
    url.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

fn number(name: &str, asked: Option<i64>, within: RangeInclusive<i64>) -> Result<Option<u64>, Refusal> {
    let expected = || format!("a number from {} to {} is expected", within.start(), within.end());
    match asked {
        Some(number) if !within.contains(&number) => Err(Refusal::parameter(name, &expected())),
        asked => Ok(asked.map(i64::unsigned_abs)),
    }
}
