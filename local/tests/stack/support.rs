//! A stack whose functions are all the probe, and a small HTTP client.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use local::{Endpoints, Options, Stack, State};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

/// The deadline of every wait: longer than anything takes, so that a test fails and doesn't hang.
pub const SOON: Duration = Duration::from_secs(20);

/// The functions of the template. The binary of each is the probe.
pub const FUNCTIONS: [&str; 8] =
    ["probe", "brief", "impatient", "broken", "watcher", "bisecting", "parallel", "worker"];

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts one of the gateway's own answers.
    pub fn is(&self, status: u16, message: &str) {
        assert_eq!(self.status, status);
        assert_eq!(self.json(), serde_json::json!({"message": message}));
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert!(self.headers.contains_key("apigw-requestid"));
    }
}

/// The probe, which cargo puts beside the tests.
pub fn probe() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let probe = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/probe");
    assert!(probe.is_file(), "{} is missing: cargo test builds it, cargo test --test doesn't", probe.display());
    probe
}

pub fn options(state: State) -> Options {
    Options {
        template: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stack/template.yaml").into(),
        port: 0,
        state,
        endpoints: Endpoints::from_env(),
        concurrency: 4,
        binaries: FUNCTIONS.map(|name| (name.to_owned(), probe())).into(),
        parameters: [].into(),
    }
}

pub async fn stack() -> Stack {
    Stack::start(options(State::Memory)).await.unwrap()
}

#[derive(Clone)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
}

impl Http {
    pub fn new(base: &str) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), base: base.to_owned() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let answer =
            tokio::time::timeout(SOON, self.client.request(request)).await.expect("an answer in time").unwrap();
        let (parts, body) = answer.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }
}

/// A listener to which instances of the probe connect when they are busy (`/wait`) or alive (`/hold`).
pub struct Meeting(TcpListener);

impl Meeting {
    pub async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// A path with this meeting in its query.
    pub fn at(&self, path: &str) -> String {
        format!("{path}?at={}", self.0.local_addr().unwrap())
    }

    /// The next instance that connects. A busy instance goes on when the connection is dropped.
    pub async fn next(&self) -> TcpStream {
        tokio::time::timeout(SOON, self.0.accept()).await.expect("an instance in time").unwrap().0
    }
}

/// Returns when the process at the other end is gone.
pub async fn gone(mut instance: TcpStream) {
    let mut said = Vec::new();
    let end = tokio::time::timeout(SOON, instance.read_to_end(&mut said)).await;
    let _ = end.expect("the end of the process in time"); // a reset is an end too
}
