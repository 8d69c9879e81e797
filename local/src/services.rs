//! The services that functions call: DynamoDB, S3, SES, SQS and push services. Each is embedded, unless the environment
//! names another one.

use crate::network::{self, Callers};
use crate::objects::Objects;
use crate::outbox::Outbox;
use crate::queues::{self, Queues};
use crate::state::State;
use crate::tasks::Tasks;
use crate::{ACCESS_KEY, Error, REGION, SECRET_KEY, dynamodb, http, push, ses};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::SdkConfig;
use std::collections::BTreeMap;
use std::env;
use std::net::IpAddr;

/// The services that take the place of embedded ones.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// The URL of a DynamoDB.
    pub dynamodb: Option<String>,
    /// The URL of an S3.
    pub s3: Option<String>,
    /// The URL of an SES. The outbox doesn't show its mails.
    pub ses: Option<String>,
    /// The URL of an SQS.
    pub sqs: Option<String>,
    /// The URL of a recorder for all push services. The outbox doesn't show its messages.
    pub push: Option<String>,
    /// The URL of the DynamoDB's streams. `None`: the URL of the DynamoDB.
    pub streams: Option<String>,
    /// The key pair for these services. `None`: the stack's own. A function has one key pair for all services, so the
    /// embedded ones accept this pair, too.
    pub credentials: Option<Credentials>,
}

impl Endpoints {
    /// Reads `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_SESV2`, `AWS_ENDPOINT_URL_SQS`,
    /// `AWS_ENDPOINT_URL_DYNAMODB_STREAMS`, `SOTTO_PUSH_ENDPOINT_URL` and the key pair of the process's environment.
    pub fn from_env() -> Self {
        let credentials = variable("AWS_ACCESS_KEY_ID")
            .zip(variable("AWS_SECRET_ACCESS_KEY"))
            .map(|(id, secret)| Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "environment"));
        Self {
            dynamodb: variable("AWS_ENDPOINT_URL_DYNAMODB"),
            s3: variable("AWS_ENDPOINT_URL_S3"),
            ses: variable("AWS_ENDPOINT_URL_SESV2"),
            sqs: variable("AWS_ENDPOINT_URL_SQS"),
            push: variable(PUSH),
            streams: variable("AWS_ENDPOINT_URL_DYNAMODB_STREAMS"),
            credentials,
        }
    }
}

/// Functions post a push message for `https://<host>/<path>` to `<value>/<host>/<path>`. Lambda has no such variable:
/// there, functions post to push services directly.
const PUSH: &str = "SOTTO_PUSH_ENDPOINT_URL";

/// The URLs of all services, and the key pair for them.
pub struct Services {
    pub dynamodb_url: String,
    pub s3_url: String,
    pub ses_url: String,
    pub sqs_url: String,
    pub push_url: String,
    /// The queues of the embedded SQS.
    pub queues: Queues,
    streams_url: String,
    /// Whether the tables are in a DynamoDB that outlives this stack.
    pub shares_dynamodb: bool,
    /// Whether the queues are in an SQS that outlives this stack.
    pub shares_sqs: bool,
    credentials: Credentials,
    callers: Callers,
}

impl Services {
    /// Takes the services that `endpoints` names, and starts embedded ones in place of the others.
    pub async fn start(
        endpoints: Endpoints,
        state: &State,
        outbox: Outbox,
        callers: Callers,
        tasks: &Tasks,
    ) -> Result<Self, Error> {
        let host = callers.host();
        let Endpoints { dynamodb, s3, ses, sqs, push, streams, credentials } = endpoints;
        let credentials = credentials
            .filter(|_| [&dynamodb, &s3, &ses, &sqs].iter().any(|url| url.is_some()))
            .unwrap_or_else(|| Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "local"));
        let (shares_dynamodb, shares_sqs) = (dynamodb.is_some(), sqs.is_some());
        let queues = Queues::new(state.path("queues"));
        let dynamodb_url = or_embedded(dynamodb, "DynamoDB", dynamodb::start(state, host, tasks)).await?;
        let s3_url = or_embedded(s3, "S3", start_s3(state, &credentials, host, tasks)).await?;
        let ses_url = or_embedded(ses, "SES", serve(ses::router(outbox.clone()), host, tasks)).await?;
        let sqs_url = or_embedded(sqs, "SQS", serve(queues::router(queues.clone()), host, tasks)).await?;
        let push_url = or_embedded(push, "push recorder", serve(push::router(outbox), host, tasks)).await?;
        let streams_url = streams.unwrap_or_else(|| dynamodb_url.clone());
        Ok(Self {
            dynamodb_url,
            s3_url,
            ses_url,
            sqs_url,
            push_url,
            queues,
            streams_url,
            shares_dynamodb,
            shares_sqs,
            credentials,
            callers,
        })
    }

    /// The variables by which a function finds the services.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::from([
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.credentials.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", self.credentials.secret_access_key().to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.callers.url(&self.dynamodb_url)),
            ("AWS_ENDPOINT_URL_S3", self.callers.url(&self.s3_url)),
            ("AWS_ENDPOINT_URL_SESV2", self.callers.url(&self.ses_url)),
            ("AWS_ENDPOINT_URL_SQS", self.callers.url(&self.sqs_url)),
            (PUSH, self.callers.url(&self.push_url)),
        ]);
        environment.extend(self.credentials.session_token().map(|token| ("AWS_SESSION_TOKEN", token.to_owned())));
        environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The configuration of an SDK client for the service at `url`.
    pub fn sdk_config(&self, url: &str) -> SdkConfig {
        let http = Builder::new();
        let http = match url.starts_with("https:") {
            true => http.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https(),
            false => http.build_http(),
        };
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            .endpoint_url(url)
            .http_client(http)
            .build()
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.sdk_config(&self.dynamodb_url))
    }

    pub fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        aws_sdk_dynamodbstreams::Client::new(&self.sdk_config(&self.streams_url))
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk_config(&self.s3_url)).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk_config(&self.sqs_url))
    }

    /// The key pair for all services.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

/// A variable of the environment that is not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The URL that was given, without a slash at its end, or that of the embedded service.
async fn or_embedded(
    given: Option<String>,
    service: &str,
    start: impl Future<Output = Result<String, Error>>,
) -> Result<String, Error> {
    match given {
        Some(url) => Ok(url.trim_end_matches('/').to_owned()),
        None => start.await.map_err(|error| error.within(format!("the embedded {service}"))),
    }
}

/// Serves `router` on a free port of `host`. Returns its URL.
async fn serve(router: axum::Router, host: IpAddr, tasks: &Tasks) -> Result<String, Error> {
    let (listener, url) = network::listen(host).await?;
    http::serve(listener, router, tasks);
    Ok(url)
}

async fn start_s3(state: &State, credentials: &Credentials, host: IpAddr, tasks: &Tasks) -> Result<String, Error> {
    let objects = Objects::open(state.path("objects")).map_err(|error| Error::of("opening it", &error))?;
    serve(objects.router(credentials.access_key_id(), credentials.secret_access_key()), host, tasks).await
}
