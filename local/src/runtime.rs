//! The Lambda Runtime API, one port for every instance of every function:
//! `http://127.0.0.1:<port>/rt/<function>/<instance>/2018-06-01/runtime/...`
//!
//! It hands jobs to instances and their outcomes back. Processes and their number are the pool's affair.

use crate::http::{self, Body, Unread};
use crate::life::Life;
use crate::logs::Logs;
use crate::{ACCOUNT, REGION};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, StatusCode};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// The most that an event or an answer may have: 6 MB, as Lambda counts them.
pub const PAYLOAD_LIMIT: usize = 6_291_556;

/// One invocation of a function.
pub struct Job {
    pub request_id: Arc<str>,
    pub event: Bytes,
    pub timeout: Duration,
    /// Told when the instance has taken the event.
    pub taken: oneshot::Sender<()>,
    /// Told what the instance made of it.
    pub done: oneshot::Sender<Outcome>,
}

/// What an instance said about a job.
pub enum Outcome {
    Answer(Bytes),
    /// The function returned an error, or an answer over [`PAYLOAD_LIMIT`]; why is in its log.
    Failed,
}

/// Where instances come for jobs.
pub struct RuntimeApi {
    authority: String,
    instances: Mutex<HashMap<String, Arc<Desk>>>,
    logs: Logs,
}

/// An instance as the Runtime API sees it.
struct Desk {
    function: Arc<str>,
    jobs: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(Arc<str>, oneshot::Sender<Outcome>)>>,
}

impl RuntimeApi {
    /// Serves the Runtime API on a free port of the loopback device until `life` ends.
    pub async fn start(logs: Logs, life: &Life) -> std::io::Result<Arc<Self>> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let authority = listener.local_addr()?.to_string();
        let api = Arc::new(Self { authority, instances: Mutex::default(), logs });
        let served = api.clone();
        tokio::spawn(http::serve(listener, life.clone(), move |request, _: SocketAddr| {
            let api = served.clone();
            async move { api.answer(request).await }
        }));
        Ok(api)
    }

    /// Opens the instance `number` of `function`: where it sends its requests (a value for `AWS_LAMBDA_RUNTIME_API`),
    /// and where its jobs go.
    pub fn open(&self, function: &Arc<str>, number: u64) -> (String, mpsc::Sender<Job>) {
        let (jobs, desk) = mpsc::channel(1);
        let desk = Desk { function: function.clone(), jobs: desk.into(), current: Mutex::default() };
        self.desks().insert(name(function, number), Arc::new(desk));
        (format!("http://{}/rt/{}", self.authority, name(function, number)), jobs)
    }

    /// Forgets an instance, which fails its job if it has one.
    pub fn close(&self, function: &Arc<str>, number: u64) {
        self.desks().remove(&name(function, number));
    }

    fn desks(&self) -> MutexGuard<'_, HashMap<String, Arc<Desk>>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let parts = path.strip_prefix("/rt/").and_then(|path| path.split_once("/2018-06-01/runtime/"));
        let desk = parts.and_then(|(instance, _)| self.desks().get(instance).cloned());
        let (Some(desk), Some((_, action))) = (desk, parts) else {
            return http::empty(StatusCode::NOT_FOUND);
        };
        let action: Vec<&str> = action.split('/').collect();
        match (request.method(), &action[..]) {
            (&Method::GET, ["invocation", "next"]) => desk.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                let answer = http::read(request.into_body(), PAYLOAD_LIMIT).await;
                self.respond(&desk, id, answer)
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                self.report(&desk, "Error", request.into_body()).await;
                desk.done(id, Outcome::Failed)
            }
            (&Method::POST, ["init", "error"]) => {
                self.report(&desk, "Init error", request.into_body()).await;
                http::empty(StatusCode::ACCEPTED)
            }
            _ => http::empty(StatusCode::NOT_FOUND),
        }
    }

    fn respond(&self, desk: &Desk, id: &str, answer: Result<Bytes, Unread>) -> Response<Body> {
        match answer {
            Ok(answer) => desk.done(id, Outcome::Answer(answer)),
            Err(Unread::Broken) => http::empty(StatusCode::BAD_REQUEST),
            Err(Unread::TooLong) => {
                let limit =
                    format!("Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)");
                self.logs.push(&desk.function, format!("RequestId: {id} {limit}"));
                let accepted = desk.done(id, Outcome::Failed);
                if accepted.status() == StatusCode::ACCEPTED {
                    http::empty(StatusCode::PAYLOAD_TOO_LARGE)
                } else {
                    accepted
                }
            }
        }
    }

    /// Puts what a function says about its failure into its log.
    async fn report(&self, desk: &Desk, what: &str, body: Incoming) {
        let said = http::read(body, PAYLOAD_LIMIT).await.unwrap_or_default();
        self.logs.push(&desk.function, format!("{what}: {}", String::from_utf8_lossy(&said)));
    }
}

impl Desk {
    /// The next job; waits for it as long as the instance does.
    async fn next(&self) -> Response<Body> {
        let job = self.jobs.lock().await.recv().await;
        let Some(Job { request_id, event, timeout, taken, done }) = job else {
            return http::empty(StatusCode::GONE); // the instance was given up
        };
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + timeout;
        let headers = [
            ("lambda-runtime-aws-request-id", request_id.to_string()),
            ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
            ("lambda-runtime-invoked-function-arn", arn(&self.function)),
            ("lambda-runtime-trace-id", format!("Root=1-{:08x}-{};Sampled=0", deadline.as_secs(), &hex_id()[..24])),
        ];
        *self.current() = Some((request_id, done));
        let _ = taken.send(()); // nobody waits for a job that was given up
        let mut response = http::with_type(StatusCode::OK, "application/json", event);
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn done(&self, id: &str, outcome: Outcome) -> Response<Body> {
        let current = self.current().take_if(|(current, _)| **current == *id);
        match current {
            Some((_, done)) => {
                let _ = done.send(outcome); // nobody waits for a job that was given up
                http::with_type(StatusCode::ACCEPTED, "application/json", r#"{"status":"OK"}"#)
            }
            None => {
                let wrong = r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#;
                http::with_type(StatusCode::BAD_REQUEST, "application/json", wrong)
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<(Arc<str>, oneshot::Sender<Outcome>)>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(function: &str, number: u64) -> String {
    format!("{function}/{number}")
}

fn arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
}

fn hex_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
