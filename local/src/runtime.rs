//! The Lambda Runtime API, on one port for every instance of every function:
//! `http://127.0.0.1:<port>/rt/<function>/<instance>/2018-06-01/runtime/...`
//!
//! It hands jobs to instances and returns their outcomes. The pool decides how many instances there are.

use crate::http::{self, Unread};
use crate::logs::Logs;
use crate::tasks::Tasks;
use crate::{ACCOUNT, Error, REGION, network};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use hyper::StatusCode;
use parking_lot::Mutex;
use serde_json::json;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};

/// Lambda's limit on an event and on an answer: 6 MB.
pub const PAYLOAD_LIMIT: usize = 6_291_556;

/// One invocation of a function.
pub struct Job {
    pub request_id: Arc<str>,
    pub event: Bytes,
    pub timeout: Duration,
    /// Sent when the instance has taken the event.
    pub taken: oneshot::Sender<()>,
    pub done: oneshot::Sender<Outcome>,
}

/// What an instance reports about a job.
pub enum Outcome {
    Answer(Bytes),
    /// The function returned an error, or an answer over [`PAYLOAD_LIMIT`]. The reason is in its log.
    Failed,
}

/// The server that instances fetch jobs from.
pub struct RuntimeApi {
    url: String,
    instances: Mutex<HashMap<(String, u64), Arc<InstanceQueue>>>,
    logs: Logs,
}

/// The jobs of one instance.
struct InstanceQueue {
    function: Arc<str>,
    jobs: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(Arc<str>, oneshot::Sender<Outcome>)>>,
}

/// A response, or the status of an empty one.
type Answer = Result<Response, StatusCode>;

type Api = State<Arc<RuntimeApi>>;

impl RuntimeApi {
    /// Serves the Runtime API on a free port of the loopback device.
    pub async fn start(logs: Logs, tasks: &Tasks) -> Result<Arc<Self>, Error> {
        let listening = network::listen(Ipv4Addr::LOCALHOST.into()).await;
        let (listener, url) = listening.map_err(|error| error.within("the Runtime API"))?;
        let api = Arc::new(Self { url, instances: Mutex::default(), logs });
        let instance = Router::new()
            .route("/invocation/next", get(next))
            .route("/invocation/{request_id}/response", post(respond))
            .route("/invocation/{request_id}/error", post(fail))
            .route("/init/error", post(fail_init));
        let router = Router::new().nest("/rt/{function}/{number}/2018-06-01/runtime", instance);
        http::serve(listener, router.with_state(api.clone()), tasks);
        Ok(api)
    }

    /// Opens the instance `number` of `function`. Returns its value of `AWS_LAMBDA_RUNTIME_API`, and the sender of its
    /// jobs.
    pub fn open(&self, function: &Arc<str>, number: u64) -> (String, mpsc::Sender<Job>) {
        let (sender, jobs) = mpsc::channel(1);
        let queue = InstanceQueue { function: function.clone(), jobs: jobs.into(), current: Mutex::default() };
        self.instances.lock().insert((function.to_string(), number), Arc::new(queue));
        (format!("{}/rt/{function}/{number}", self.url), sender)
    }

    /// Removes an instance. Its job fails if it has one.
    pub fn close(&self, function: &Arc<str>, number: u64) {
        self.instances.lock().remove(&(function.to_string(), number));
    }

    fn queue(&self, function: String, number: u64) -> Result<Arc<InstanceQueue>, StatusCode> {
        self.instances.lock().get(&(function, number)).cloned().ok_or(StatusCode::NOT_FOUND)
    }

    /// Logs what a function reports about its failure.
    async fn log_failure(&self, queue: &InstanceQueue, what: &str, body: Body) {
        let report = http::read(body, PAYLOAD_LIMIT).await.unwrap_or_default();
        self.logs.push(&queue.function, format!("{what}: {}", String::from_utf8_lossy(&report)));
    }
}

/// The next job. Waits for it as long as the instance does.
async fn next(State(api): Api, Path((function, number)): Path<(String, u64)>) -> Answer {
    let queue = api.queue(function, number)?;
    let job = queue.jobs.lock().await.recv().await;
    // Without a sender of jobs, the pool is stopping this instance.
    let Job { request_id, event, timeout, taken, done } = job.ok_or(StatusCode::GONE)?;
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + timeout;
    let trace_id = uuid::Uuid::new_v4().simple().to_string();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", request_id.to_string()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", arn(&queue.function)),
        ("lambda-runtime-trace-id", format!("Root=1-{:08x}-{};Sampled=0", deadline.as_secs(), &trace_id[..24])),
    ];
    *queue.current.lock() = Some((request_id, done));
    let _ = taken.send(()); // if this fails, the caller has given up
    Ok((headers, event).into_response())
}

async fn respond(
    State(api): Api,
    Path((function, number, request_id)): Path<(String, u64, String)>,
    body: Body,
) -> Answer {
    let queue = api.queue(function, number)?;
    match http::read(body, PAYLOAD_LIMIT).await {
        Ok(answer) => Ok(queue.done(&request_id, Outcome::Answer(answer))),
        Err(Unread::Broken) => Err(StatusCode::BAD_REQUEST),
        Err(Unread::TooLong) => {
            let limit = format!("Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)");
            api.logs.push(&queue.function, format!("RequestId: {request_id} {limit}"));
            match queue.done(&request_id, Outcome::Failed) {
                accepted if accepted.status() == StatusCode::ACCEPTED => Err(StatusCode::PAYLOAD_TOO_LARGE),
                refused => Ok(refused),
            }
        }
    }
}

async fn fail(
    State(api): Api,
    Path((function, number, request_id)): Path<(String, u64, String)>,
    body: Body,
) -> Answer {
    let queue = api.queue(function, number)?;
    api.log_failure(&queue, "Error", body).await;
    Ok(queue.done(&request_id, Outcome::Failed))
}

async fn fail_init(State(api): Api, Path((function, number)): Path<(String, u64)>, body: Body) -> Answer {
    let queue = api.queue(function, number)?;
    api.log_failure(&queue, "Init error", body).await;
    Ok(StatusCode::ACCEPTED.into_response())
}

impl InstanceQueue {
    fn done(&self, request_id: &str, outcome: Outcome) -> Response {
        let current = self.current.lock().take_if(|(current, _)| **current == *request_id);
        match current {
            Some((_, done)) => {
                let _ = done.send(outcome); // if this fails, the caller has given up
                (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
            }
            None => {
                let wrong = json!({"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"});
                (StatusCode::BAD_REQUEST, Json(wrong)).into_response()
            }
        }
    }
}

fn arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
}
