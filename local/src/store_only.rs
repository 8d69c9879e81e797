//! The services alone, for functions that `sam local` runs in containers. No function is started, no route is served,
//! and no stream is read.

use crate::environment::{Config, Environment, Started};
use crate::network::Callers;
use crate::services::Endpoints;
use crate::state::State;
use crate::template::Template;
use crate::{ACCESS_KEY, Error};
use aws_credential_types::Credentials;
use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The default port of `sam local start-api`. Links in mails lead there.
const API_PORT: u16 = 3000;

/// What to start, and how.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The SAM template.
    pub template: PathBuf,
    /// The port on `localhost` of the outbox, the queues and the content network; 0 for a free port.
    pub port: u16,
    /// Where tables, objects, queues and secrets are kept.
    pub state: State,
    /// The services that take the place of embedded ones.
    pub endpoints: Endpoints,
    /// Values of the template's parameters. The others have their defaults, but for `PublicBaseUrl` (the URL of `sam local
    /// start-api`) and `MailFrom` (`sotto@example.com`, if it has no default).
    pub parameters: HashMap<String, String>,
    /// The address that the embedded services listen on. In the file, a loopback address is `host.docker.internal`.
    pub host: IpAddr,
    /// The file for `--env-vars`. It is deleted when the services stop.
    pub env_file: PathBuf,
}

/// Running services.
pub struct StoreOnly {
    url: String,
    environment: Environment,
    env_file: EnvFile,
}

impl StoreOnly {
    /// Starts the services. They answer, and the file is complete, when this returns.
    pub async fn start(options: StoreOptions) -> Result<Self, Error> {
        let StoreOptions { template, port, state, endpoints, parameters, host, env_file } = options;
        let (callers, api_port) = (Callers::Containers(host), Some(API_PORT));
        let config = Config { template, port, api_port, state, endpoints, parameters, callers };
        let (environment, Started { localhost, template, tasks }) = Environment::start(config).await?;
        let services = &environment.services;
        let written = EnvFile::write(&env_file, &variables(&template, &services.environment()));
        let env_file = written.map_err(|error| Error::of(format!("writing {}", env_file.display()), &error))?;
        let url = localhost.url();
        environment.gateway(&localhost, template.cdn).serve(localhost.listeners, &tasks);
        Ok(Self { url, environment, env_file })
    }

    /// The URL of the outbox, the queues and the content network, `http://localhost:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file for `--env-vars`.
    pub fn env_file(&self) -> &Path {
        &self.env_file.path
    }

    /// Each service's name and URL, for processes of this machine. The push recorder is missing: functions in containers
    /// can't find it, as the template doesn't declare its variable.
    pub fn urls(&self) -> [(&'static str, &str); 4] {
        let services = &self.environment.services;
        [
            ("DynamoDB", &services.dynamodb_url),
            ("S3", &services.s3_url),
            ("SES", &services.ses_url),
            ("SQS", &services.sqs_url),
        ]
    }

    /// The stack's own key pair, if the services have it. It is not in the file: `sam local` takes the key pair from its
    /// own environment.
    pub fn own_key(&self) -> Option<&Credentials> {
        Some(self.environment.services.credentials()).filter(|pair| pair.access_key_id() == ACCESS_KEY)
    }

    /// Stops the services and returns when all of them have stopped.
    pub async fn stop(self) {
        let Self { environment, env_file, .. } = self;
        drop(env_file);
        environment.stop().await;
    }
}

/// The content of the file for `--env-vars`: the variables of each function. SAM passes on only variables that the
/// template declares, so there are no others. The services' values replace the template's.
fn variables<'t>(
    template: &'t Template,
    services: &'t BTreeMap<String, String>,
) -> BTreeMap<&'t str, BTreeMap<&'t str, &'t str>> {
    let value = |(name, own): (&'t String, &'t String)| (name.as_str(), services.get(name).unwrap_or(own).as_str());
    let functions = template.functions.iter();
    functions.map(|function| (function.id.as_str(), function.environment.iter().map(value).collect())).collect()
}

/// The file for `--env-vars`. Only its owner can read it, as it contains secrets. It is deleted with this value, as its
/// ports are no longer in use then.
struct EnvFile {
    path: PathBuf,
    text: String,
    /// Its directory, if it was created for this file.
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
        file.set_permissions(Permissions::from_mode(0o600))?; // the file may have existed
        file.write_all(text.as_bytes())?;
        Ok(Self { path, text, directory })
    }
}

impl Drop for EnvFile {
    fn drop(&mut self) {
        // Another process with --memory may have written its own file meanwhile.
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = std::fs::remove_file(&self.path);
            let _ = self.directory.as_ref().map(std::fs::remove_dir); // fails if the directory has other files
        }
    }
}
