//! How the SDK's clients are made: one HTTP client for all, no provider chain, nothing that starts slowly.

use std::{fs, io, time::Duration};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedHttpClient, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

use crate::config::Aws;

/// The roots that AWS's endpoints chain to (Amazon Trust Services, "Certificate Authorities"). Reading the system's
/// store costs 8 ms of every cold start.
const AMAZON_ROOTS: &[u8] = include_bytes!("roots.pem");

/// What every client of this process is made of.
#[derive(Clone)]
pub struct AwsClients {
    http: SharedHttpClient,
    credentials: Credentials,
    region: Region,
}

/// What every client's configuration says, whatever it is a client of; each try of a call has that many seconds.
macro_rules! config {
    ($clients:expr, $sdk:ident, $seconds:literal, $endpoint:expr) => {{
        let mut config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client($clients.http.clone())
            .credentials_provider($clients.credentials.clone())
            .region($clients.region.clone())
            .retry_config(RetryConfig::standard())
            .timeout_config(time_outs(Duration::from_secs($seconds)));
        config.set_endpoint_url($endpoint);
        config
    }};
}

impl AwsClients {
    /// Fails only when the CA bundle can't be read.
    pub fn new(aws: &Aws) -> io::Result<Self> {
        let mut roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
        if let Some(path) = &aws.ca_bundle {
            roots.add_pem_certificate(fs::read(path)?);
        }
        let tls = TlsContext::builder().with_trust_store(roots).build().map_err(io::Error::other)?;
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build_https();
        let credentials = Credentials::from_keys(&aws.access_key_id, &aws.secret_access_key, aws.session_token.clone());
        Ok(Self { http, credentials, region: Region::new(aws.region.clone()) })
    }

    pub fn dynamodb(&self, endpoint: Option<String>) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::from_conf(config!(self, aws_sdk_dynamodb, 2, endpoint).build())
    }

    /// With an endpoint of its own, buckets stand in the path: such stores have no wildcard names.
    pub fn s3(&self, endpoint: Option<String>) -> aws_sdk_s3::Client {
        let has_own = endpoint.is_some();
        aws_sdk_s3::Client::from_conf(config!(self, aws_sdk_s3, 4, endpoint).force_path_style(has_own).build())
    }

    pub fn ses(&self, endpoint: Option<String>) -> aws_sdk_sesv2::Client {
        aws_sdk_sesv2::Client::from_conf(config!(self, aws_sdk_sesv2, 4, endpoint).build())
    }

    pub fn sqs(&self, endpoint: Option<String>) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::from_conf(config!(self, aws_sdk_sqs, 4, endpoint).build())
    }
}

/// All tries of a call end well within a function's own time-out, so that the caller gets an answer.
fn time_outs(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(attempt)
        .operation_timeout(Duration::from_secs(8))
        .build()
}
