//! The stores alone, for functions that `sam local` runs in containers: no function is started, no route answers, and no
//! stream is followed.

use crate::gateway::Gateway;
use crate::ground::{Ground, Plan, Site};
use crate::reach::Users;
use crate::routes::Routes;
use crate::stores::Endpoints;
use crate::template::Template;
use crate::{ACCESS_KEY, Error, State};
use aws_credential_types::Credentials;
use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where `sam local start-api` serves the functions unless told otherwise, so what links in mails begin with.
const API: &str = "http://127.0.0.1:3000";

/// What to start, and how.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The SAM template.
    pub template: PathBuf,
    /// Where the outbox, the queues and the content network are on 127.0.0.1; 0 for a free port.
    pub port: u16,
    /// Where tables, objects, queues and secrets are kept.
    pub state: State,
    /// The stores that take the place of embedded ones.
    pub endpoints: Endpoints,
    /// Values of the template's parameters. The others have their defaults; `PublicBaseUrl` is where `sam local start-api`
    /// listens, and `MailFrom`, if it has no default, is `sotto@example.com`.
    pub parameters: HashMap<String, String>,
    /// Where the embedded stores listen. What listens on loopback is called `host.docker.internal` in the file.
    pub host: IpAddr,
    /// What is to be the file for `--env-vars`; gone when the stores are.
    pub env_file: PathBuf,
}

/// Running stores.
pub struct StoreOnly {
    url: String,
    ground: Ground,
    env_file: EnvFile,
}

impl StoreOnly {
    /// Starts the stores; they answer, and the file is written, when this returns.
    pub async fn start(options: StoreOptions) -> Result<Self, Error> {
        let StoreOptions { template, port, state, endpoints, parameters, host, env_file } = options;
        let (users, public_base_url) = (Users::Containers(host), Some(API.to_owned()));
        let plan = Plan { template, port, state, endpoints, parameters, users, public_base_url };
        let (ground, Site { listener, address, template, life }) = Ground::lay(plan).await?;
        let stores = &ground.stores;
        let written = EnvFile::write(&env_file, &environments(&template, &stores.environment()));
        let env_file = written.map_err(|error| Error::of(format!("writing {}", env_file.display()), &error))?;
        let gateway = Gateway {
            routes: Routes::new([])?,
            pools: Vec::new(),
            cors: None,
            cdn: template.cdn.map(|grant| (grant, stores.s3())),
            outbox: ground.outbox.clone(),
            queues: stores.queues.clone(),
            address,
        };
        gateway.serve(listener, life);
        Ok(Self { url: format!("http://{address}"), ground, env_file })
    }

    /// Where the outbox, the queues and the content network are: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file for `--env-vars`.
    pub fn env_file(&self) -> &Path {
        &self.env_file.path
    }

    /// Each store's name and URL, for processes of this machine. The recorder of pushes is none of them: no template declares the
    /// variable that would lead a function in a container there.
    pub fn urls(&self) -> [(&'static str, &str); 4] {
        let stores = &self.ground.stores;
        [("DynamoDB", &stores.dynamodb_url), ("S3", &stores.s3_url), ("SES", &stores.ses_url), ("SQS", &stores.sqs_url)]
    }

    /// The stack's own key pair, when that is what opens the stores. The file can't say it: no template declares Lambda's own
    /// variables.
    pub fn own_key(&self) -> Option<&Credentials> {
        Some(self.ground.stores.credentials()).filter(|pair| pair.access_key_id() == ACCESS_KEY)
    }

    /// Stops the stores and returns when all of them have.
    pub async fn stop(self) {
        let Self { ground, env_file, .. } = self;
        drop(env_file);
        ground.clear().await;
    }
}

/// By function, what `--env-vars` is to say: every variable that the template declares, as SAM passes on no others, with what the
/// stores say of it or else with its own value.
fn environments<'t>(
    template: &'t Template,
    stores: &'t BTreeMap<String, String>,
) -> BTreeMap<&'t str, BTreeMap<&'t str, &'t str>> {
    let value = |(name, own): (&'t String, &'t String)| (name.as_str(), stores.get(name).unwrap_or(own).as_str());
    let functions = template.functions.iter();
    functions.map(|function| (function.id.as_str(), function.environment.iter().map(value).collect())).collect()
}

/// A file that only its owner can read, as it has the secrets, and that is there as long as this is: to others it would name ports
/// that nobody listens on.
struct EnvFile {
    path: PathBuf,
    text: String,
    /// Its directory, when that was made for it.
    directory: Option<PathBuf>,
}

impl EnvFile {
    fn write(path: &Path, content: &impl serde::Serialize) -> std::io::Result<Self> {
        let path = std::path::absolute(path)?;
        let text = serde_json::to_string_pretty(content)?;
        let directory = path.parent().filter(|directory| !directory.exists()).map(Path::to_owned);
        if let Some(directory) = &directory {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.set_permissions(Permissions::from_mode(0o600))?; // of one that was there already
        file.write_all(text.as_bytes())?;
        Ok(Self { path, text, directory })
    }
}

impl Drop for EnvFile {
    fn drop(&mut self) {
        // Stores in memory may have been started again beside these, and then the file is theirs.
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = std::fs::remove_file(&self.path);
            let _ = self.directory.as_ref().map(std::fs::remove_dir); // which fails when something else is in it by now
        }
    }
}
