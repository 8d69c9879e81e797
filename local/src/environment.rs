//! The environment of the functions: the data directory, the services, and the template's resources in them.

use crate::deployment::Deployment;
use crate::dynamodb::DATABASE;
use crate::gateway::Gateway;
use crate::network::{self, Callers, Localhost};
use crate::outbox::Outbox;
use crate::queues::Declared as Queue;
use crate::routes::Routes;
use crate::secrets::Secrets;
use crate::services::{Endpoints, Services};
use crate::state::State;
use crate::tasks::{Shutdown, Tasks};
use crate::template::Template;
use crate::{Error, cdn};
use std::collections::HashMap;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::mem::take;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for the lock of a stack that has just ended. A process that it was starting holds the lock, too,
/// until that process has become the new program.
const RELEASED_WITHIN: Duration = Duration::from_millis(500);

/// What to start, and where.
pub struct Config {
    pub template: PathBuf,
    /// The gateway's port.
    pub port: u16,
    /// The port of `localhost` on which people reach the API. `None`: the gateway's.
    pub api_port: Option<u16>,
    pub state: State,
    pub endpoints: Endpoints,
    pub parameters: HashMap<String, String>,
    pub callers: Callers,
}

/// Running services with the template's tables, buckets and queues.
pub struct Environment {
    pub services: Services,
    pub tables: Vec<String>,
    pub buckets: Vec<String>,
    pub queues: Vec<Queue>,
    pub outbox: Outbox,
    /// Whether the tables must be deleted when the stack stops: they are in a DynamoDB that outlives it.
    deletes_tables: bool,
    /// The same of the queues.
    deletes_queues: bool,
    shutdown: Shutdown,
    /// Of the data directory.
    _lock: Option<File>,
}

/// The parts that a stack needs besides the environment itself.
pub struct Started {
    pub localhost: Localhost,
    /// Without its tables, buckets and queues: these exist.
    pub template: Template,
    pub tasks: Tasks,
}

impl Environment {
    pub async fn start(config: Config) -> Result<(Self, Started), Error> {
        let lock = match &config.state {
            State::Memory => None,
            State::Directory(directory) => {
                let lock = lock(directory).await?;
                check_format(directory)?;
                Some(lock)
            }
        };
        let localhost = Localhost::listen(config.port).await?;
        let (tasks, shutdown) = Tasks::new();
        let outbox = Outbox::new();
        let services = Services::start(config.endpoints, &config.state, outbox.clone(), config.callers, &tasks).await?;
        let in_memory = matches!(config.state, State::Memory);
        let deletes_tables = services.shares_dynamodb && in_memory;
        let deletes_queues = services.shares_sqs && in_memory;
        let name = match deletes_tables || deletes_queues {
            true => format!("local-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]),
            false => "local".to_owned(),
        };
        let api_port = config.api_port.unwrap_or(localhost.port);
        let mut deployment = Deployment {
            name,
            authority: network::authority(localhost.port),
            cdn_path: cdn::PATH,
            public_base_url: format!("http://{}", network::authority(api_port)),
            own_origins: network::origins(api_port).into(),
            sqs_url: config.callers.url(&services.sqs_url),
            secrets: Secrets::new(config.state.path("secrets")),
            parameters: config.parameters,
        };
        let mut template = Template::read(&config.template, &mut deployment)?;

        let (dynamodb, s3, sqs) = (services.dynamodb(), services.s3(), services.sqs());
        let (tables, buckets, queues) =
            (take(&mut template.tables), take(&mut template.buckets), take(&mut template.queues));
        for table in &tables {
            table.make(&dynamodb).await?;
        }
        for bucket in &buckets {
            bucket.make(&s3).await?;
        }
        for queue in &queues {
            queue.make(&sqs).await?;
        }
        let environment = Self {
            services,
            tables: tables.into_iter().map(|table| table.name).collect(),
            buckets: buckets.into_iter().map(|bucket| bucket.name).collect(),
            queues,
            outbox,
            deletes_tables,
            deletes_queues,
            shutdown,
            _lock: lock,
        };
        Ok((environment, Started { localhost, template, tasks }))
    }

    /// A gateway on `localhost` without functions: it serves the outbox, the queues and the content network.
    pub fn gateway(&self, localhost: &Localhost, cdn: Option<cdn::Grant>) -> Gateway {
        Gateway {
            routes: Routes::default(),
            pools: Vec::new(),
            cors: None,
            cdn: cdn.map(|grant| (grant, self.services.s3())),
            outbox: self.outbox.clone(),
            queues: self.services.queues.clone(),
            port: localhost.port,
        }
    }

    /// Deletes tables and queues that nobody needs any more. Returns when all background tasks have ended.
    pub async fn stop(self) {
        if self.deletes_tables {
            let dynamodb = self.services.dynamodb();
            for table in self.tables {
                let _ = dynamodb.delete_table().table_name(table).send().await; // a table that stays harms nobody
            }
        }
        if self.deletes_queues {
            let sqs = self.services.sqs();
            for queue in self.queues {
                let _ = sqs.delete_queue().queue_url(queue.url).send().await; // a queue that stays harms nobody
            }
        }
        self.shutdown.finish().await;
    }
}

/// How functions store things. It changes with every change that makes old items unreadable or impossible to find.
/// 2: one account for addresses that differ only in case.
const FORMAT: &str = "2";

/// Refuses a directory whose tables are of another format. Nothing is converted: no deployment has such tables.
fn check_format(directory: &Path) -> Result<(), Error> {
    let path = directory.join("format");
    match std::fs::read_to_string(&path) {
        Ok(format) if format.trim() == FORMAT => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound && !directory.join(DATABASE).exists() => {
            std::fs::write(&path, FORMAT).map_err(|error| Error::of(format!("writing {}", path.display()), &error))
        }
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::of(format!("reading {}", path.display()), &error))
        }
        _ => Err(Error::new(format!(
            "the data in {} is of another version of Sotto, which this one can't read: delete the directory, or give this \
             stack --memory or another --data-dir",
            directory.display()
        ))),
    }
}

/// Locks the data directory for this stack.
async fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join("lock");
    let opened = DirBuilder::new().recursive(true).mode(0o700).create(directory).and_then(|()| File::create(&path));
    let file = opened.map_err(|error| Error::of(format!("opening {}", path.display()), &error))?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < RELEASED_WITHIN => {
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
