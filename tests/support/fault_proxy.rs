//! An HTTP proxy between the product and a store. It passes requests on unchanged, except for those for which a test sets a
//! fault.

use std::future::{Future, pending};
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri, server};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::SOON;
use super::conflicts::with_conflicts;

/// For faults that apply until the test ends them.
pub const ALWAYS: usize = usize::MAX;

/// The path to which mails are posted.
const MAILS_PATH: &str = "/v2/email/outbound-emails";

/// How long an SDK waits before it retries a 5xx, in milliseconds: stores may say so in an answer. Without it, the pauses of a call
/// that keeps failing are up to three seconds, and all tests together would wait for minutes.
const RETRY_AFTER_MS: u32 = 20;

/// A request to a store, for the conditions of faults.
pub struct Call {
    pub method: String,
    pub path: String,
    /// The name of DynamoDB's operation. Empty for S3 and SES.
    pub operation: String,
    /// The `Range` header. Empty if the whole object is requested.
    pub range: String,
    pub body: String,
}

impl Call {
    fn of(head: &Parts, body: &[u8]) -> Call {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Call {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            operation: header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned(),
            range: header("range").to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }

    /// Whether this is DynamoDB's `operation` with a body that contains `text`.
    pub fn asks(&self, operation: &str, text: &str) -> bool {
        self.operation == operation && self.body.contains(text)
    }

    /// Whether this is S3's `method` on a key that contains `text`.
    pub fn is(&self, method: &str, text: &str) -> bool {
        self.operation.is_empty() && self.method == method && self.path.contains(text)
    }

    /// Whether this is S3's deletion of several objects, one of which has `text` in its key.
    pub fn deletes_all_of(&self, text: &str) -> bool {
        self.operation.is_empty() && self.method == "POST" && self.body.contains("<Delete") && self.body.contains(text)
    }

    /// Whether this is a mail for SES that contains `text`.
    pub fn mails(&self, text: &str) -> bool {
        self.is("POST", MAILS_PATH) && self.body.contains(text)
    }
}

type Matcher = Box<dyn Fn(&Call) -> bool + Send + Sync>;
type Rules = Arc<Mutex<Vec<Arc<Rule>>>>;

struct Rule {
    /// A newer rule has a greater number.
    age: usize,
    concerns: Matcher,
    /// The number of requests to which it still applies.
    left: AtomicUsize,
    met: AtomicUsize,
    kind: Kind,
}

enum Kind {
    /// The store does not get the request. The proxy answers with this status and this error code.
    Answer(StatusCode, Option<&'static str>),
    /// The store does not get the request. The proxy answers 429 or another status, with a `Retry-After` of so many seconds.
    Later(StatusCode, u32),
    /// The store does not get the request. The proxy answers 200 with this JSON.
    Says(Value),
    /// The store does not get the request, and the connection ends.
    Refusal,
    /// The store handles the request. Then the connection ends without an answer.
    LostAnswer,
    /// The store handles the request. The answer never comes, and the connection stays open.
    Silence,
    /// The store handles the request. Items whose key contains this text are reported as held by another transaction.
    Conflict(String),
    /// An action of the test runs before the store gets the request.
    Meanwhile { met: watch::Sender<bool>, done: watch::Receiver<bool> },
}

/// A proxy in front of one store.
pub struct FaultProxy {
    url: String,
    rules: Rules,
}

impl FaultProxy {
    /// Starts a proxy in front of the store at `store`. It ends with the test's runtime.
    pub async fn before(store: &str) -> FaultProxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let proxy = Proxy {
            store: store.trim_end_matches('/').to_owned(),
            // Without a pool: an idle connection could end just as a request goes out, and the proxy does not retry.
            client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http(),
            rules: Rules::default(),
        };
        let rules = proxy.rules.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(proxy.clone().serve(stream));
            }
        });
        FaultProxy { url, rules }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Begins a fault for the requests for which `concerns` is true. If several faults concern a request, the oldest applies.
    pub fn when(&self, concerns: impl Fn(&Call) -> bool + Send + Sync + 'static) -> When<'_> {
        When { rules: &self.rules, concerns: Box::new(concerns) }
    }
}

/// The requests that a fault will concern.
pub struct When<'a> {
    rules: &'a Rules,
    concerns: Matcher,
}

impl When<'_> {
    /// The next `times` requests get this status. The store does not get them.
    pub fn answer(self, status: u16, times: usize) -> Fault {
        self.rule(Kind::Answer(StatusCode::from_u16(status).expect("a status"), None), times, None)
    }

    /// The next `times` requests get this status, and come again after so many seconds.
    pub fn put_off(self, status: u16, seconds: u32, times: usize) -> Fault {
        self.rule(Kind::Later(StatusCode::from_u16(status).expect("a status"), seconds), times, None)
    }

    /// The next `times` requests are answered with this JSON. The store does not get them.
    pub fn say(self, answer: Value, times: usize) -> Fault {
        self.rule(Kind::Says(answer), times, None)
    }

    /// The next `times` requests get a 400 with the store's error code `reason`, which clients don't retry.
    pub fn reject(self, reason: &'static str, times: usize) -> Fault {
        self.rule(Kind::Answer(StatusCode::BAD_REQUEST, Some(reason)), times, None)
    }

    /// The connections of the next `times` requests end. The store does not get them.
    pub fn refuse(self, times: usize) -> Fault {
        self.rule(Kind::Refusal, times, None)
    }

    /// The store handles the next `times` requests, and their connections end without an answer.
    pub fn lose_the_answer(self, times: usize) -> Fault {
        self.rule(Kind::LostAnswer, times, None)
    }

    /// The store handles the next `times` requests, and their answers never come.
    pub fn never_answer(self, times: usize) -> Fault {
        self.rule(Kind::Silence, times, None)
    }

    /// The next `times` requests, which are transactions that fail, report items whose keys contain `text` as held by another one.
    pub fn conflict_on(self, text: String, times: usize) -> Fault {
        self.rule(Kind::Conflict(text), times, None)
    }

    /// Runs `action` when the first request comes, and passes the request on afterwards (to newer faults, if there are any).
    /// All other requests that it concerns wait too, so that a retry of the client can't overtake the action.
    pub fn first(self, action: impl Future<Output = ()> + Send + 'static) -> Fault {
        let ((met, mut is_met), (is_done, done)) = (watch::channel(false), watch::channel(false));
        let action = tokio::spawn(async move {
            if is_met.wait_for(|met| *met).await.is_ok() {
                action.await;
                is_done.send_replace(true);
            }
        });
        self.rule(Kind::Meanwhile { met, done }, ALWAYS, Some(action))
    }

    fn rule(self, kind: Kind, times: usize, action: Option<JoinHandle<()>>) -> Fault {
        let (left, met) = (AtomicUsize::new(times), AtomicUsize::new(0));
        static RULES: AtomicUsize = AtomicUsize::new(0);
        let age = RULES.fetch_add(1, Ordering::SeqCst);
        let rule = Arc::new(Rule { age, concerns: self.concerns, left, met, kind });
        self.rules.lock().expect("rules").push(rule.clone());
        Fault { rule, rules: self.rules.clone(), action }
    }
}

/// A fault. It lasts until it is over or dropped.
#[must_use]
pub struct Fault {
    rule: Arc<Rule>,
    rules: Rules,
    action: Option<JoinHandle<()>>,
}

impl Fault {
    /// Ends the fault and returns the number of requests that it concerned. Panics if there was none.
    pub async fn over(mut self) -> usize {
        self.end();
        let met = self.rule.met.load(Ordering::SeqCst);
        assert!(met > 0, "there was no such request");
        if let Some(action) = self.action.take() {
            tokio::time::timeout(SOON, action).await.expect("an end in time").expect("no panic");
        }
        met
    }

    fn end(&self) {
        self.rules.lock().expect("rules").retain(|rule| !Arc::ptr_eq(rule, &self.rule));
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Clone)]
struct Proxy {
    store: String,
    client: Client<HttpConnector, Full<Bytes>>,
    rules: Rules,
}

impl Proxy {
    async fn serve(self, stream: TcpStream) {
        let service = service_fn(|request| self.answer(request));
        // Its errors are faults that the test set, or clients that went away.
        let _ = server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    /// Answers a request. An error ends the connection.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let call = Call::of(&head, &body);
        let mut rule = self.rule(&call, None);
        while let Some(Kind::Meanwhile { met, done }) = rule.as_ref().map(|rule| &rule.kind) {
            met.send_replace(true);
            done.clone().wait_for(|done| *done).await.map_err(io::Error::other)?;
            rule = self.rule(&call, rule.as_ref());
        }
        match rule.as_ref().map(|rule| &rule.kind) {
            None | Some(Kind::Meanwhile { .. }) => self.pass(head, body).await,
            Some(Kind::Answer(status, reason)) => Ok(unwell(*status, *reason, &call)),
            Some(Kind::Later(status, seconds)) => {
                let answer = Response::builder().status(*status).header(RETRY_AFTER, *seconds);
                Ok(answer.body(Full::default()).expect("an answer"))
            }
            Some(Kind::Says(answer)) => {
                let said = Response::builder().header(CONTENT_TYPE, "application/json");
                Ok(said.body(Full::new(answer.to_string().into())).expect("an answer"))
            }
            Some(Kind::Refusal) => Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Kind::LostAnswer) => {
                self.pass(head, body).await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Some(Kind::Conflict(text)) => {
                let (head, answer) = self.pass(head, body).await?.into_parts();
                let answer = answer.collect().await.map_err(io::Error::other)?.to_bytes();
                Ok(with_conflicts(&call.body, text, Response::from_parts(head, answer)))
            }
            Some(Kind::Silence) => {
                self.pass(head, body).await?;
                pending().await
            }
        }
    }

    /// Finds the oldest rule for a request that is newer than `after`, and counts the request.
    fn rule(&self, call: &Call, after: Option<&Arc<Rule>>) -> Option<Arc<Rule>> {
        let rules = self.rules.lock().expect("rules");
        let takes = |left: usize| if left == ALWAYS { Some(ALWAYS) } else { left.checked_sub(1) };
        let younger = rules.iter().filter(|rule| after.is_none_or(|after| rule.age > after.age));
        let rule = younger.into_iter().find(|rule| {
            (rule.concerns)(call) && rule.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes).is_ok()
        })?;
        rule.met.fetch_add(1, Ordering::SeqCst);
        Some(rule.clone())
    }

    async fn pass(&self, head: Parts, body: Bytes) -> io::Result<Response<Full<Bytes>>> {
        let mut request = Request::from_parts(head, Full::new(body));
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("{}{path}", self.store).parse::<Uri>().map_err(io::Error::other)?;
        let (head, body) = self.client.request(request).await.map_err(io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

/// An error in the store's format. Its message quotes the whole request, to show that the product never logs it.
fn unwell(status: StatusCode, reason: Option<&str>, call: &Call) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    if status.is_server_error() {
        response = response.header("x-amz-retry-after", RETRY_AFTER_MS);
    }
    let body = if !call.operation.is_empty() {
        response = response.header(CONTENT_TYPE, "application/x-amz-json-1.0");
        let name = format!("com.amazonaws.dynamodb.v20120810#{}", reason.unwrap_or("InternalServerError"));
        json!({ "__type": name, "message": call.body }).to_string()
    } else if call.path.starts_with(MAILS_PATH) {
        response = response.header(CONTENT_TYPE, "application/json");
        response = response.header("x-amzn-errortype", reason.unwrap_or("InternalFailure"));
        json!({ "message": call.body }).to_string()
    } else {
        response = response.header(CONTENT_TYPE, "application/xml");
        let (quoted, code) = (call.path.replace(['<', '&'], " "), reason.unwrap_or("InternalError"));
        let body = format!("<Error><Code>{code}</Code><Message>{quoted}</Message></Error>");
        if call.method == "HEAD" { String::new() } else { body }
    };
    response.body(Full::new(body.into())).expect("an answer")
}
