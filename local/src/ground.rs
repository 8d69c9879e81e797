//! What functions stand on: the data directory, the stores, and made in them what the template declares.

use crate::life::{self, Life, Owner};
use crate::outbox::Outbox;
use crate::queues::Declared as Queue;
use crate::reach::Users;
use crate::secrets::Secrets;
use crate::stores::{Endpoints, Stores};
use crate::template::{Deployment, Template};
use crate::{Error, State};
use std::collections::HashMap;
use std::fs::{DirBuilder, File, TryLockError};
use std::mem::take;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// How long a lock can outlive its stack: a process that is being started has it too, until it is the new program.
const RELEASED_WITHIN: Duration = Duration::from_millis(500);

/// What to lay, and where.
pub struct Plan {
    pub template: PathBuf,
    pub port: u16,
    pub state: State,
    pub endpoints: Endpoints,
    pub parameters: HashMap<String, String>,
    pub users: Users,
    /// Where people reach Sotto, unless a parameter says so; none when that is where the gateway listens.
    pub public_base_url: Option<String>,
}

/// Stores with tables, buckets and queues in them.
pub struct Ground {
    pub stores: Stores,
    pub tables: Vec<String>,
    pub buckets: Vec<String>,
    pub queues: Vec<Queue>,
    pub outbox: Outbox,
    /// Whether the tables are of no use to anybody once the stack has stopped.
    has_passing_tables: bool,
    /// The same of the queues.
    has_passing_queues: bool,
    owner: Owner,
    /// Released when the stack is gone.
    _lock: Option<File>,
}

/// What is to be built on it.
pub struct Site {
    /// Where the gateway is to answer.
    pub listener: TcpListener,
    pub address: SocketAddr,
    /// Without its tables, buckets and queues, which are there.
    pub template: Template,
    pub life: Life,
}

impl Ground {
    pub async fn lay(plan: Plan) -> Result<(Self, Site), Error> {
        let lock = match &plan.state {
            State::Memory => None,
            State::Directory(directory) => Some(lock(directory).await?),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, plan.port)).await;
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) =
            bound.map_err(|error| Error::of(format!("listening on 127.0.0.1:{}", plan.port), &error))?;

        let (owner, life) = life::begin();
        let outbox = Outbox::new();
        let stores = Stores::start(plan.endpoints, &plan.state, outbox.clone(), plan.users, &life).await?;
        let is_passing = matches!(plan.state, State::Memory);
        let has_passing_tables = stores.shares_dynamodb && is_passing;
        let has_passing_queues = stores.shares_sqs && is_passing;
        let name = match has_passing_tables || has_passing_queues {
            true => format!("local-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]),
            false => "local".to_owned(),
        };
        let secrets = Secrets::new(match &plan.state {
            State::Memory => None,
            State::Directory(directory) => Some(directory.join("secrets")),
        });
        let authority = address.to_string();
        let public_base_url = plan.public_base_url.unwrap_or_else(|| format!("http://{authority}"));
        let (sqs_url, parameters) = (plan.users.url(&stores.sqs_url), plan.parameters);
        let mut deployment = Deployment { name, authority, public_base_url, sqs_url, secrets, parameters };
        let mut template = Template::read(&plan.template, &mut deployment)?;

        let (dynamodb, s3, sqs) = (stores.dynamodb(), stores.s3(), stores.sqs());
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
        let ground = Self {
            stores,
            tables: tables.into_iter().map(|table| table.name).collect(),
            buckets: buckets.into_iter().map(|bucket| bucket.name).collect(),
            queues,
            outbox,
            has_passing_tables,
            has_passing_queues,
            owner,
            _lock: lock,
        };
        Ok((ground, Site { listener, address, template, life }))
    }

    /// Takes away what is of no more use, and returns when everything that has a [`Life`] of this ground has ended.
    pub async fn clear(self) {
        let Self { stores, tables, queues, owner, .. } = self;
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
