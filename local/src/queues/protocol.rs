//! SQS's wire format: AWS JSON 1.0. Signatures are not checked: whoever can reach this port may do everything.

use super::queue::{Received, digest};
use super::{MESSAGE_LIMIT, Queues, Refusal};
use crate::{ACCOUNT, REGION, http};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName};
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use time::OffsetDateTime;

/// The limit on a request's body: a message with every byte escaped, and the other fields.
const BODY_LIMIT: usize = 6 * MESSAGE_LIMIT + 65_536;

const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

/// The name of the operation.
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// The error code of the older protocol.
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
struct GetAttributes {
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
    /// Ignored: messages have no attributes here.
    #[serde(default, rename = "MessageAttributeNames")]
    _message_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Hide {
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    queue_url: String,
    receipt_handle: String,
}

pub fn router(queues: Queues) -> Router {
    Router::new().fallback(answer).with_state(queues)
}

async fn answer(State(queues): State<Queues>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let header = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    let target = header(TARGET).unwrap_or_default().to_owned();
    let base = format!("http://{}/{ACCOUNT}", header(HOST).unwrap_or("localhost"));
    let done = match target.strip_prefix("AmazonSQS.").filter(|_| head.method == Method::POST) {
        Some(operation) => match http::read(body, BODY_LIMIT).await {
            Ok(body) => queues.perform(operation, &body, &base).await,
            Err(_) => Err(Refusal::parameter("MessageBody", "it must be shorter than 1048576 bytes")),
        },
        None => {
            http::drain(body);
            Err(Refusal::operation(&target))
        }
    };
    match done {
        Ok(answer) => ([(CONTENT_TYPE, MEDIA_TYPE)], answer.to_string()).into_response(),
        Err(refusal) => refusal.response(),
    }
}

impl Queues {
    /// Performs an operation. The URLs of queues begin with `base`.
    async fn perform(&self, operation: &str, body: &[u8], base: &str) -> Result<Value, Refusal> {
        let url = |name: &str| format!("{base}/{name}");
        Ok(match operation {
            "CreateQueue" => {
                let Create { queue_name, attributes, .. } = parsed(body)?;
                self.create(&queue_name, &attributes)?;
                json!({"QueueUrl": url(&queue_name)})
            }
            "DeleteQueue" => {
                self.delete(name(&parsed::<Target>(body)?.queue_url))?;
                json!({})
            }
            "GetQueueUrl" => {
                let Named { queue_name } = parsed(body)?;
                self.with(&queue_name, |_| ())?;
                json!({"QueueUrl": url(&queue_name)})
            }
            "ListQueues" => {
                let List { queue_name_prefix: prefix } = parsed(body)?;
                let names = self.names().into_iter().filter(|name| name.starts_with(&prefix));
                json!({"QueueUrls": names.map(|name| url(&name)).collect::<Vec<_>>()})
            }
            "PurgeQueue" => {
                self.with(name(&parsed::<Target>(body)?.queue_url), |queue| queue.purge())?;
                json!({})
            }
            "GetQueueAttributes" => {
                let GetAttributes { queue_url, attribute_names } = parsed(body)?;
                json!({"Attributes": self.attributes(name(&queue_url), &attribute_names)?})
            }
            "SendMessage" => {
                let Send { queue_url, message_body, delay_seconds } = parsed(body)?;
                let delay = number("DelaySeconds", delay_seconds, 0..=900)?.unwrap_or(0);
                let digest = digest(&message_body);
                let id = self.send(name(&queue_url), message_body, Duration::from_secs(delay))?;
                json!({"MessageId": id, "MD5OfMessageBody": digest})
            }
            "ReceiveMessage" => {
                let asked: Receive = parsed(body)?;
                let most = number("MaxNumberOfMessages", asked.max_number_of_messages, 1..=10)?.unwrap_or(1);
                let hidden = number("VisibilityTimeout", asked.visibility_timeout, 0..=43_200)?;
                let wait = number("WaitTimeSeconds", asked.wait_time_seconds, 0..=20)?.unwrap_or(0);
                let (hidden, wait) = (hidden.map(Duration::from_secs), Duration::from_secs(wait));
                let received = self.receive(name(&asked.queue_url), most as usize, hidden, wait).await?;
                let wanted = [asked.attribute_names, asked.message_system_attribute_names].concat();
                let received: Vec<Value> = received.iter().map(|message| message.json(&wanted)).collect();
                if received.is_empty() { json!({}) } else { json!({"Messages": received}) }
            }
            "ChangeMessageVisibility" => {
                let Hide { queue_url, receipt_handle, visibility_timeout } = parsed(body)?;
                let hidden = number("VisibilityTimeout", Some(visibility_timeout), 0..=43_200)?.unwrap_or(0);
                let (hidden, now) = (Duration::from_secs(hidden), OffsetDateTime::now_utc());
                self.with(name(&queue_url), |queue| queue.hide(&receipt_handle, hidden, now))??;
                json!({})
            }
            "DeleteMessage" => {
                let Delete { queue_url, receipt_handle } = parsed(body)?;
                self.with(name(&queue_url), |queue| queue.delete(&receipt_handle))?;
                json!({})
            }
            unknown => return Err(Refusal::operation(unknown)),
        })
    }

    fn attributes(&self, name: &str, wanted: &[String]) -> Result<Map<String, Value>, Refusal> {
        let (now, arn) = (OffsetDateTime::now_utc(), format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"));
        let (counts, attributes) = self.with(name, |queue| (queue.counts(now), queue.attributes.to_map()))?;
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
    fn json(&self, wanted: &[String]) -> Value {
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
        let mut message = json!({
            "MessageId": self.id,
            "ReceiptHandle": self.receipt,
            "MD5OfBody": digest(&self.body),
            "Body": self.body,
        });
        if !attributes.is_empty() {
            message["Attributes"] = attributes.into();
        }
        message
    }
}

impl Refusal {
    fn response(self) -> Response {
        let Self { kind, code, message } = self;
        let (status, fault) = match code {
            "InternalFailure" => (StatusCode::INTERNAL_SERVER_ERROR, "Receiver"),
            _ => (StatusCode::BAD_REQUEST, "Sender"),
        };
        let body = json!({"__type": kind, "message": message}).to_string();
        (status, [(CONTENT_TYPE, MEDIA_TYPE.to_owned()), (QUERY_ERROR, format!("{code};{fault}"))], body)
            .into_response()
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
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
