//! The whole stack: its start, what a test may ask of it, its end.

use crate::functions::Function;
use crate::gateway::Gateway;
use crate::life::{self, Owner};
use crate::logs::Logs;
use crate::outbox::Outbox;
use crate::pool::{Pool, Program};
use crate::queues::{Declared as Queue, Message, Queues};
use crate::runtime::RuntimeApi;
use crate::secrets::Secrets;
use crate::stores::{Endpoints, Stores};
use crate::streams::{self, Consumer, Mapping};
use crate::template::{Deployment, Template};
use crate::{Error, http};
use aws_credential_types::Credentials;
use bytes::Bytes;
use std::collections::HashMap;
use std::fs::{DirBuilder, File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// How long a lock can outlive its stack: a process that is being started has it too, until it is the new program.
const RELEASED_WITHIN: Duration = Duration::from_millis(500);

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
    tables: Vec<String>,
    buckets: Vec<String>,
    queues: Vec<Queue>,
    routes: Vec<String>,
    pools: Vec<Arc<Pool>>,
    stores: Stores,
    /// Whether the tables are of no use to anybody once the stack has stopped.
    has_passing_tables: bool,
    /// The same of the queues.
    has_passing_queues: bool,
    logs: Logs,
    outbox: Outbox,
    owner: Owner,
    /// Released when the stack is gone.
    _lock: Option<File>,
}

impl Stack {
    /// Starts the stack; requests to [`Stack::url`] succeed when this returns.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let lock = match &options.state {
            State::Memory => None,
            State::Directory(directory) => Some(lock(directory).await?),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await;
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) =
            bound.map_err(|error| Error::of(format!("listening on 127.0.0.1:{}", options.port), &error))?;

        let (owner, life) = life::begin();
        let outbox = Outbox::new();
        let stores = Stores::start(options.endpoints, &options.state, outbox.clone(), &life).await?;
        let is_passing = matches!(options.state, State::Memory);
        let has_passing_tables = stores.shares_dynamodb && is_passing;
        let has_passing_queues = stores.shares_sqs && is_passing;
        let name = match has_passing_tables || has_passing_queues {
            true => format!("local-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]),
            false => "local".to_owned(),
        };
        let secrets = Secrets::new(match &options.state {
            State::Memory => None,
            State::Directory(directory) => Some(directory.join("secrets")),
        });
        let (authority, sqs_url, parameters) = (address.to_string(), stores.sqs_url.clone(), options.parameters);
        let mut deployment = Deployment { name, authority, sqs_url, secrets, parameters };
        let template = Template::read(&options.template, &mut deployment)?;

        let (dynamodb, s3) = (stores.dynamodb(), stores.s3());
        for table in &template.tables {
            table.make(&dynamodb).await?;
        }
        for bucket in &template.buckets {
            bucket.make(&s3).await?;
        }
        for queue in &template.queues {
            queue.make(&stores.sqs()).await?;
        }

        let logs = Logs::new();
        let api = RuntimeApi::start(logs.clone(), &life);
        let api = api.await.map_err(|error| Error::of("starting the Runtime API", &error))?;
        let mut pools = Vec::new();
        for function in template.functions {
            let program = program(function, &options.binaries, &stores)?;
            pools.push(Pool::new(program, options.concurrency, api.clone(), logs.clone(), life.clone()));
        }

        let consumer = |mapping: Mapping| {
            let pool = pools[mapping.function].clone();
            Consumer::new(mapping, pool, &template.queues, &stores)
        };
        let consumers = template.streams.into_iter().map(consumer).collect::<Result<_, _>>()?;
        streams::follow(consumers, &stores, &options.state, &logs, &life).await?;

        let routes = template.routes.keys().map(str::to_owned).collect();
        let cdn = template.cdn.map(|grant| (grant, s3));
        let (routes_to, cors, pools_of) = (template.routes, template.cors, pools.clone());
        let (outgoing, queues) = (outbox.clone(), stores.queues.clone());
        let gateway = Gateway { routes: routes_to, pools: pools_of, cors, cdn, outbox: outgoing, queues, address };
        let gateway = Arc::new(gateway);
        tokio::spawn(http::serve(listener, life, move |request, peer: SocketAddr| {
            let gateway = gateway.clone();
            async move { gateway.answer(request, peer).await }
        }));
        Ok(Self {
            url: format!("http://{address}"),
            tables: template.tables.into_iter().map(|table| table.name).collect(),
            buckets: template.buckets.into_iter().map(|bucket| bucket.name).collect(),
            queues: template.queues,
            routes,
            pools,
            stores,
            has_passing_tables,
            has_passing_queues,
            logs,
            outbox,
            owner,
            _lock: lock,
        })
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
        &self.stores.dynamodb_url
    }

    /// Where the S3 answers, to path-style requests.
    pub fn s3_url(&self) -> &str {
        &self.stores.s3_url
    }

    /// A client of the S3, with the key pair that opens it.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        self.stores.s3()
    }

    /// Where the SES answers.
    pub fn ses_url(&self) -> &str {
        &self.stores.ses_url
    }

    /// What the functions have sent by way of the embedded SES. `GET /_local/outbox` answers the same.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Where the SQS answers.
    pub fn sqs_url(&self) -> &str {
        &self.stores.sqs_url
    }

    /// Where functions post push messages.
    pub fn push_url(&self) -> &str {
        &self.stores.push_url
    }

    /// The queues of the embedded SQS: this stack's, and those of stacks whose SQS it is. `GET /_local/queues` answers
    /// the same.
    pub fn queues(&self) -> Queues {
        self.stores.queues.clone()
    }

    /// The name of the queue that the template calls `id`.
    pub fn queue_name(&self, id: &str) -> Option<&str> {
        self.queues.iter().find(|queue| queue.id == id).map(|queue| queue.name.as_str())
    }

    /// What is in the queue that the template calls `id`, the oldest first, when the SQS is the embedded one.
    pub fn queue(&self, id: &str) -> Vec<Message> {
        self.queue_name(id).map(|name| self.stores.queues.messages(name)).unwrap_or_default()
    }

    /// The key pair that opens all of them: [`ACCESS_KEY`](crate::ACCESS_KEY) and [`SECRET_KEY`](crate::SECRET_KEY),
    /// unless one is external and the environment has another pair.
    pub fn credentials(&self) -> &Credentials {
        self.stores.credentials()
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
        self.tables.first().map_or("", String::as_str)
    }

    /// The name of the template's first bucket; empty if it has none.
    pub fn bucket(&self) -> &str {
        self.buckets.first().map_or("", String::as_str)
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
        let Self { pools, stores, tables, queues, owner, .. } = self;
        if self.has_passing_tables {
            let dynamodb = stores.dynamodb();
            for table in tables {
                let _ = dynamodb.delete_table().table_name(table).send().await; // it is in nobody's way
            }
        }
        if self.has_passing_queues {
            let sqs = stores.sqs();
            for queue in queues {
                let _ = sqs.delete_queue().queue_url(queue.url).send().await; // neither is this
            }
        }
        drop(pools);
        owner.end().await;
    }
}

/// Takes the data directory for this stack.
async fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join("lock");
    let opened = DirBuilder::new().recursive(true).mode(0o700).create(directory).and_then(|()| File::create(&path));
    let file = opened.map_err(|error| Error::of(format!("opening {}", path.display()), &error))?;
    let asked = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if asked.elapsed() < RELEASED_WITHIN => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(format!(
                    "another local stack is using {}: stop it, or give this one --memory or another --data-dir",
                    directory.display()
                )));
            }
            Err(TryLockError::Error(error)) => {
                return Err(Error::of(format!("locking {}", path.display()), &error));
            }
        }
    }
}

fn program(function: Function, binaries: &HashMap<String, PathBuf>, stores: &Stores) -> Result<Program, Error> {
    let Function { binary, environment: own, timeout, memory_mb } = function;
    let file = binaries.get(&binary).cloned();
    let file =
        file.ok_or_else(|| Error::new(format!("the template's function {binary} has no binary of that name")))?;
    let mut environment = stores.environment();
    environment.extend(own);
    Ok(Program { name: binary.into(), file, environment, memory_mb, timeout })
}
