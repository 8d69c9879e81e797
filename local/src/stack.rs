//! The whole stack: starts it, gives tests access to it, stops it.

use crate::Error;
use crate::environment::{Config, Environment, Started};
use crate::functions::Function;
use crate::gateway::Gateway;
use crate::instance::Program;
use crate::logs::Logs;
use crate::network::Callers;
use crate::outbox::Outbox;
use crate::pool::Pool;
use crate::queues::{self, Message, Queues};
use crate::runtime::RuntimeApi;
use crate::services::{Endpoints, Services};
use crate::state::State;
use crate::streams::{self, Consumer, Mapping};
use aws_credential_types::Credentials;
use aws_types::SdkConfig;
use bytes::Bytes;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What to start, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The SAM template.
    pub template: PathBuf,
    /// The gateway's port on `localhost`; 0 for a free port.
    pub port: u16,
    /// Where tables, objects, queues and secrets are kept.
    pub state: State,
    /// The services that take the place of embedded ones.
    pub endpoints: Endpoints,
    /// The most instances of each function.
    pub concurrency: usize,
    /// The file of each function's binary, by the last part of its `CodeUri`.
    pub binaries: HashMap<String, PathBuf>,
    /// Values of the template's parameters. The others have their defaults, but for `PublicBaseUrl` (the gateway's URL)
    /// and `MailFrom` (`sotto@example.com`, if it has no default).
    pub parameters: HashMap<String, String>,
}

/// A running stack. It needs the Tokio runtime that it was started in.
pub struct Stack {
    url: String,
    routes: Vec<String>,
    pools: Vec<Arc<Pool>>,
    logs: Logs,
    environment: Environment,
}

impl Stack {
    /// Starts the stack; requests to [`Stack::url`] succeed when this returns.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { template, port, state, endpoints, concurrency, binaries, parameters } = options;
        let (kept, callers) = (state.clone(), Callers::Processes);
        let config = Config { template, port, api_port: None, state, endpoints, parameters, callers };
        let (environment, Started { localhost, template, tasks }) = Environment::start(config).await?;
        let services = &environment.services;

        let logs = Logs::new();
        let api = RuntimeApi::start(logs.clone(), &tasks).await?;
        let mut pools = Vec::new();
        for function in template.functions {
            let program = program(function, &binaries, services)?;
            pools.push(Pool::new(program, concurrency, api.clone(), logs.clone(), tasks.clone()));
        }

        let consumer = |mapping: Mapping| {
            let pool = pools[mapping.function].clone();
            Consumer::new(mapping, pool, &environment.queues, services)
        };
        let consumers = template.streams.into_iter().map(consumer).collect::<Result<_, _>>()?;
        streams::follow(consumers, services, &kept, &logs, &tasks).await?;
        for mapping in template.tasks {
            let pool = pools[mapping.function].clone();
            queues::Consumer::new(mapping, pool, &environment.queues, services, &logs)?.run(&tasks);
        }

        let (url, routes) = (localhost.url(), template.routes.keys().map(str::to_owned).collect());
        let gateway = environment.gateway(&localhost, template.cdn);
        let gateway = Gateway { routes: template.routes, pools: pools.clone(), cors: template.cors, ..gateway };
        gateway.serve(localhost.listeners, &tasks);
        Ok(Self { url, routes, pools, logs, environment })
    }

    /// The gateway's URL, `http://localhost:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The template's routes, as `GET /path/{parameter}`.
    pub fn routes(&self) -> &[String] {
        &self.routes
    }

    /// The lines that functions print.
    pub fn logs(&self) -> Logs {
        self.logs.clone()
    }

    /// The DynamoDB's URL.
    pub fn dynamodb_url(&self) -> &str {
        &self.environment.services.dynamodb_url
    }

    /// The S3's URL, for path-style requests.
    pub fn s3_url(&self) -> &str {
        &self.environment.services.s3_url
    }

    /// A client of the S3, with the key pair that opens it.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        self.environment.services.s3()
    }

    /// The SES's URL.
    pub fn ses_url(&self) -> &str {
        &self.environment.services.ses_url
    }

    /// The mails and push messages that the functions have sent. `GET /_local/outbox` answers the same.
    pub fn outbox(&self) -> Outbox {
        self.environment.outbox.clone()
    }

    /// The SQS's URL.
    pub fn sqs_url(&self) -> &str {
        &self.environment.services.sqs_url
    }

    /// The URL that functions post push messages to.
    pub fn push_url(&self) -> &str {
        &self.environment.services.push_url
    }

    /// The queues of the embedded SQS, also those of other stacks that use it. `GET /_local/queues` answers the same.
    pub fn queues(&self) -> Queues {
        self.environment.services.queues.clone()
    }

    /// The name of the queue with this logical id.
    pub fn queue_name(&self, id: &str) -> Option<&str> {
        self.environment.queues.iter().find(|queue| queue.id == id).map(|queue| queue.name.as_str())
    }

    /// The messages in the queue with this logical id, the oldest first. Empty if the SQS is not the embedded one.
    pub fn queue(&self, id: &str) -> Vec<Message> {
        self.queue_name(id).map(|name| self.environment.services.queues.messages(name)).unwrap_or_default()
    }

    /// The key pair for all services: [`ACCESS_KEY`](crate::ACCESS_KEY) and [`SECRET_KEY`](crate::SECRET_KEY), unless one
    /// of them is external and the environment has another pair.
    pub fn credentials(&self) -> &Credentials {
        self.environment.services.credentials()
    }

    /// The configuration of an SDK client for the service at `url`.
    pub fn sdk_config(&self, url: &str) -> SdkConfig {
        self.environment.services.sdk_config(url)
    }

    /// Another key pair for all services. Amazon's DynamoDB Local has one database for each key id, and becomes slower
    /// with every stream in it. So stacks that share a DynamoDB Local are faster with a key pair each.
    pub fn another_key(&self) -> Credentials {
        let own = self.credentials();
        let id = format!("{}{}", own.access_key_id(), uuid::Uuid::new_v4().simple());
        Credentials::new(id, own.secret_access_key(), None, None, "local")
    }

    /// The name of the template's first table; empty if it has none.
    pub fn table(&self) -> &str {
        self.environment.tables.first().map_or("", String::as_str)
    }

    /// The name of the template's first bucket; empty if it has none.
    pub fn bucket(&self) -> &str {
        self.environment.buckets.first().map_or("", String::as_str)
    }

    /// Process ids of a function's instances that are alive. The function is named by its binary.
    pub fn instances(&self, function: &str) -> Vec<u32> {
        self.pools.iter().filter(|pool| pool.name() == function).flat_map(|pool| pool.pids()).collect()
    }

    /// Invokes a function directly, as `aws lambda invoke` does. `None`: there is no such function, or it failed and the
    /// log says why. The function is named by its binary.
    pub async fn invoke(&self, function: &str, event: impl Into<Bytes>) -> Option<Bytes> {
        let pool = self.pools.iter().find(|pool| pool.name() == function)?;
        let request_id = Arc::from(uuid::Uuid::new_v4().to_string());
        pool.permit().await.invoke(&request_id, event.into()).await.ok()
    }

    /// Stops the stack. Returns when all background tasks and all processes of functions have ended.
    pub async fn stop(self) {
        drop(self.pools);
        self.environment.stop().await;
    }
}

fn program(function: Function, binaries: &HashMap<String, PathBuf>, services: &Services) -> Result<Program, Error> {
    let Function { binary, mut environment, timeout, memory_mb, .. } = function;
    let file = binaries.get(&binary).cloned();
    let file =
        file.ok_or_else(|| Error::new(format!("the template's function {binary} has no binary of that name")))?;
    // The template declares some of these variables as empty, which means AWS.
    environment.extend(services.environment());
    Ok(Program { name: binary.into(), file, environment, memory_mb, timeout })
}
