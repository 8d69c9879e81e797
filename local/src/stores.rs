//! DynamoDB, S3, SES, SQS and push services: embedded ones, or the real ones that the environment names.

use crate::life::Life;
use crate::objects::{Keep, Objects};
use crate::outbox::Outbox;
use crate::queues::{self, Queues};
use crate::reach::{self, Users};
use crate::{ACCESS_KEY, Error, REGION, SECRET_KEY, State, dynamodb, push, ses};
use aws_credential_types::Credentials;
use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::collections::BTreeMap;
use std::env;
use std::net::IpAddr;

/// The stores that take the place of embedded ones.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// The URL of a DynamoDB; none for an embedded one.
    pub dynamodb: Option<String>,
    /// The URL of an S3; none for an embedded one.
    pub s3: Option<String>,
    /// The URL of an SES; none for an embedded one, whose messages are in the stack's outbox.
    pub ses: Option<String>,
    /// The URL of an SQS; none for an embedded one.
    pub sqs: Option<String>,
    /// The URL of what takes push messages in the place of every push service; none for an embedded recorder, whose
    /// messages are in the stack's outbox.
    pub push: Option<String>,
    /// The URL of the DynamoDB's streams; none when they are at the URL of the DynamoDB itself.
    pub streams: Option<String>,
    /// The key pair that opens what is named; none for the stack's own. A function has one key pair for all of them, so
    /// it opens the other, embedded ones as well.
    pub credentials: Option<Credentials>,
}

impl Endpoints {
    /// Those that `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_SESV2`, `AWS_ENDPOINT_URL_SQS`,
    /// `AWS_ENDPOINT_URL_DYNAMODB_STREAMS` and `SOTTO_PUSH_ENDPOINT_URL` name, with the environment's key pair if it has
    /// one.
    pub fn from_env() -> Self {
        let credentials = named("AWS_ACCESS_KEY_ID")
            .zip(named("AWS_SECRET_ACCESS_KEY"))
            .map(|(id, secret)| Credentials::new(id, secret, named("AWS_SESSION_TOKEN"), None, "environment"));
        Self {
            dynamodb: named("AWS_ENDPOINT_URL_DYNAMODB"),
            s3: named("AWS_ENDPOINT_URL_S3"),
            ses: named("AWS_ENDPOINT_URL_SESV2"),
            sqs: named("AWS_ENDPOINT_URL_SQS"),
            push: named(PUSH),
            streams: named("AWS_ENDPOINT_URL_DYNAMODB_STREAMS"),
            credentials,
        }
    }
}

/// Tells a function where to post push messages, as `<URL>/<host of the endpoint><path and query of the endpoint>`. In
/// Lambda there is no such variable, and messages go to the endpoints themselves.
const PUSH: &str = "SOTTO_PUSH_ENDPOINT_URL";

/// Where everything is that functions call, and the key pair for all of it.
pub struct Stores {
    pub dynamodb_url: String,
    pub s3_url: String,
    pub ses_url: String,
    pub sqs_url: String,
    pub push_url: String,
    /// What the embedded SQS has.
    pub queues: Queues,
    streams_url: String,
    /// Whether tables are made in a DynamoDB that outlives this stack.
    pub shares_dynamodb: bool,
    /// Whether queues are made in an SQS that outlives this stack.
    pub shares_sqs: bool,
    credentials: Credentials,
    users: Users,
}

impl Stores {
    /// Takes the stores that `endpoints` names, and starts embedded ones in place of those that it doesn't, where `users` reach
    /// them.
    pub async fn start(
        endpoints: Endpoints,
        state: &State,
        outbox: Outbox,
        users: Users,
        life: &Life,
    ) -> Result<Self, Error> {
        let host = users.host();
        let Endpoints { dynamodb, s3, ses, sqs, push, streams, credentials } = endpoints;
        let credentials = credentials
            .filter(|_| [&dynamodb, &s3, &ses, &sqs].iter().any(|named| named.is_some()))
            .unwrap_or_else(|| Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "local"));
        let (shares_dynamodb, shares_sqs) = (dynamodb.is_some(), sqs.is_some());
        let dynamodb_url = match dynamodb {
            Some(url) => url,
            None => dynamodb::start(state, host, life).await.map_err(|error| error.within("the embedded DynamoDB"))?,
        };
        let s3_url = match s3 {
            Some(url) => url,
            None => start_s3(state, &credentials, host, life).await.map_err(|error| error.within("the embedded S3"))?,
        };
        let ses_url = match ses {
            Some(url) => url,
            None => ses::start(outbox.clone(), host, life).await.map_err(|error| error.within("the embedded SES"))?,
        };
        let queues = Queues::new(match state {
            State::Memory => None,
            State::Directory(directory) => Some(directory.join("queues")),
        });
        let sqs_url = match sqs {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                queues::start(queues.clone(), host, life).await.map_err(|error| error.within("the embedded SQS"))?
            }
        };
        let push_url = match push {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => push::start(outbox, host, life).await.map_err(|error| error.within("the push recorder"))?,
        };
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
            users,
        })
    }

    /// What a function's environment says of the stores, as it would in Lambda.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::from([
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.credentials.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", self.credentials.secret_access_key().to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.users.url(&self.dynamodb_url)),
            ("AWS_ENDPOINT_URL_S3", self.users.url(&self.s3_url)),
            ("AWS_ENDPOINT_URL_SESV2", self.users.url(&self.ses_url)),
            ("AWS_ENDPOINT_URL_SQS", self.users.url(&self.sqs_url)),
            (PUSH, self.users.url(&self.push_url)),
        ]);
        environment.extend(self.credentials.session_token().map(|token| ("AWS_SESSION_TOKEN", token.to_owned())));
        environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// A client of the DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new(REGION))
            .credentials_provider(self.credentials.clone())
            .endpoint_url(&self.dynamodb_url)
            .http_client(http_client(&self.dynamodb_url));
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of the DynamoDB's streams.
    pub fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        let config = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(aws_sdk_dynamodbstreams::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodbstreams::config::Region::new(REGION))
            .credentials_provider(self.credentials.clone())
            .endpoint_url(&self.streams_url)
            .http_client(http_client(&self.streams_url));
        aws_sdk_dynamodbstreams::Client::from_conf(config.build())
    }

    /// A client of the S3.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .region(aws_sdk_s3::config::Region::new(REGION))
            .credentials_provider(self.credentials.clone())
            .endpoint_url(&self.s3_url)
            .force_path_style(true)
            .http_client(http_client(&self.s3_url));
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// A client of the SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(aws_sdk_sqs::config::Region::new(REGION))
            .credentials_provider(self.credentials.clone())
            .endpoint_url(&self.sqs_url)
            .http_client(http_client(&self.sqs_url));
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// The key pair that opens all of them.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

/// A variable of the environment that is not empty.
fn named(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn http_client(url: &str) -> SharedHttpClient {
    match url.starts_with("https:") {
        true => Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https(),
        false => Builder::new().build_http(),
    }
}

async fn start_s3(state: &State, credentials: &Credentials, host: IpAddr, life: &Life) -> Result<String, Error> {
    let keep = match state {
        State::Memory => Keep::Memory,
        State::Directory(directory) => Keep::Directory(directory.join("objects")),
    };
    let objects = Objects::open(keep).map_err(|error| Error::of("opening it", &error))?;
    let (listener, url) = reach::listen(host).await?;
    let (credentials, life) = (credentials.clone(), life.clone());
    tokio::spawn(async move {
        let until = {
            let life = life.clone();
            async move { life.ended().await }
        };
        objects.serve(listener, credentials.access_key_id(), credentials.secret_access_key(), until).await;
    });
    Ok(url)
}
