//! The whole stack: its start, what a test may ask of it, its end.

use crate::Error;
use crate::functions::Function;
use crate::gateway::Gateway;
use crate::ground::{Ground, Plan, Site};
use crate::logs::Logs;
use crate::outbox::Outbox;
use crate::pool::{Pool, Program};
use crate::queues::{Message, Queues};
use crate::reach::Users;
use crate::runtime::RuntimeApi;
use crate::stores::{Endpoints, Stores};
use crate::streams::{self, Consumer, Mapping};
use aws_credential_types::Credentials;
use bytes::Bytes;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What to start, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The SAM template.
    pub template: PathBuf,
    /// Where the gateway listens on 127.0.0.1; 0 for a free port.
    pub port: u16,
    /// Where tables, objects, queues and secrets are kept.
    pub state: State,
    /// The stores that take the place of embedded ones.
    pub endpoints: Endpoints,
    /// The most instances of each function.
    pub concurrency: usize,
    /// The file of each function's binary, by the last part of its `CodeUri`.
    pub binaries: HashMap<String, PathBuf>,
    /// Values of the template's parameters. The others have their defaults; `PublicBaseUrl` is where the stack listens,
    /// and `MailFrom`, if it has no default, is `sotto@example.com`.
    pub parameters: HashMap<String, String>,
}

/// Where tables, objects, queues and secrets are kept.
#[derive(Clone, Debug)]
pub enum State {
    /// In this process. With an external DynamoDB, in tables of this stack's own that are deleted when it stops.
    Memory,
    /// In a directory that is made if need be, for one stack at a time.
    Directory(PathBuf),
}

/// A running stack. Shared freely between threads; the runtime that it was started in has to stay.
pub struct Stack {
    url: String,
    routes: Vec<String>,
    pools: Vec<Arc<Pool>>,
    logs: Logs,
    ground: Ground,
}

impl Stack {
    /// Starts the stack; requests to [`Stack::url`] succeed when this returns.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { template, port, state, endpoints, concurrency, binaries, parameters } = options;
        let (kept, users) = (state.clone(), Users::Processes);
        let plan = Plan { template, port, state, endpoints, parameters, users, public_base_url: None };
        let (ground, Site { listener, address, template, life }) = Ground::lay(plan).await?;
        let stores = &ground.stores;

        let logs = Logs::new();
        let api = RuntimeApi::start(logs.clone(), &life);
        let api = api.await.map_err(|error| Error::of("starting the Runtime API", &error))?;
        let mut pools = Vec::new();
        for function in template.functions {
            let program = program(function, &binaries, stores)?;
            pools.push(Pool::new(program, concurrency, api.clone(), logs.clone(), life.clone()));
        }

        let consumer = |mapping: Mapping| {
            let pool = pools[mapping.function].clone();
            Consumer::new(mapping, pool, &ground.queues, stores)
        };
        let consumers = template.streams.into_iter().map(consumer).collect::<Result<_, _>>()?;
        streams::follow(consumers, stores, &kept, &logs, &life).await?;

        let routes = template.routes.keys().map(str::to_owned).collect();
        let gateway = Gateway {
            routes: template.routes,
            pools: pools.clone(),
            cors: template.cors,
            cdn: template.cdn.map(|grant| (grant, stores.s3())),
            outbox: ground.outbox.clone(),
            queues: stores.queues.clone(),
            address,
        };
        gateway.serve(listener, life);
        Ok(Self { url: format!("http://{address}"), routes, pools, logs, ground })
    }

    /// Where the gateway answers: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The template's routes, as `GET /path/{parameter}`.
    pub fn routes(&self) -> &[String] {
        &self.routes
    }

    /// What the functions print.
    pub fn logs(&self) -> Logs {
        self.logs.clone()
    }

    /// Where the DynamoDB answers.
    pub fn dynamodb_url(&self) -> &str {
        &self.ground.stores.dynamodb_url
    }

    /// Where the S3 answers, to path-style requests.
    pub fn s3_url(&self) -> &str {
        &self.ground.stores.s3_url
    }

    /// A client of the S3, with the key pair that opens it.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        self.ground.stores.s3()
    }

    /// Where the SES answers.
    pub fn ses_url(&self) -> &str {
        &self.ground.stores.ses_url
    }

    /// What the functions have sent by way of the embedded SES. `GET /_local/outbox` answers the same.
    pub fn outbox(&self) -> Outbox {
        self.ground.outbox.clone()
    }

    /// Where the SQS answers.
    pub fn sqs_url(&self) -> &str {
        &self.ground.stores.sqs_url
    }

    /// Where functions post push messages.
    pub fn push_url(&self) -> &str {
        &self.ground.stores.push_url
    }

    /// The queues of the embedded SQS: this stack's, and those of stacks whose SQS it is. `GET /_local/queues` answers
    /// the same.
    pub fn queues(&self) -> Queues {
        self.ground.stores.queues.clone()
    }

    /// The name of the queue that the template calls `id`.
    pub fn queue_name(&self, id: &str) -> Option<&str> {
        self.ground.queues.iter().find(|queue| queue.id == id).map(|queue| queue.name.as_str())
    }

    /// What is in the queue that the template calls `id`, the oldest first, when the SQS is the embedded one.
    pub fn queue(&self, id: &str) -> Vec<Message> {
        self.queue_name(id).map(|name| self.ground.stores.queues.messages(name)).unwrap_or_default()
    }

    /// The key pair that opens all of them: [`ACCESS_KEY`](crate::ACCESS_KEY) and [`SECRET_KEY`](crate::SECRET_KEY),
    /// unless one is external and the environment has another pair.
    pub fn credentials(&self) -> &Credentials {
        self.ground.stores.credentials()
    }

    /// Another key pair that opens all of them. Amazon's DynamoDB Local keeps a database for each key id: stacks that share one are
    /// faster each under its own, as whatever is asked of a table there costs as much as all streams of its database that are older.
    pub fn another_key(&self) -> Credentials {
        let own = self.credentials();
        let id = format!("{}{}", own.access_key_id(), uuid::Uuid::new_v4().simple());
        Credentials::new(id, own.secret_access_key(), None, None, "local")
    }

    /// The name of the template's first table; empty if it has none.
    pub fn table(&self) -> &str {
        self.ground.tables.first().map_or("", String::as_str)
    }

    /// The name of the template's first bucket; empty if it has none.
    pub fn bucket(&self) -> &str {
        self.ground.buckets.first().map_or("", String::as_str)
    }

    /// Process ids of a function's instances that are alive. The function is named by its binary.
    pub fn instances(&self, function: &str) -> Vec<u32> {
        self.pools.iter().filter(|pool| pool.name() == function).flat_map(|pool| pool.pids()).collect()
    }

    /// What a function answers to an event that no client and no stream brought, as `aws lambda invoke` does. `None`: there is
    /// no such function, or it failed, and the log says how. The function is named by its binary.
    pub async fn invoke(&self, function: &str, event: impl Into<Bytes>) -> Option<Bytes> {
        let pool = self.pools.iter().find(|pool| pool.name() == function)?;
        let request_id = Arc::from(uuid::Uuid::new_v4().to_string());
        pool.turn().await.invoke(&request_id, event.into()).await.ok()
    }

    /// Stops the stack and returns when all of it has ended, the functions' processes too.
    pub async fn stop(self) {
        drop(self.pools);
        self.ground.clear().await;
    }
}

fn program(function: Function, binaries: &HashMap<String, PathBuf>, stores: &Stores) -> Result<Program, Error> {
    let Function { binary, mut environment, timeout, memory_mb, .. } = function;
    let file = binaries.get(&binary).cloned();
    let file =
        file.ok_or_else(|| Error::new(format!("the template's function {binary} has no binary of that name")))?;
    // The template declares some of these empty, so that they can be set where there is no AWS.
    environment.extend(stores.environment());
    Ok(Program { name: binary.into(), file, environment, memory_mb, timeout })
}
