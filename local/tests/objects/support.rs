//! An S3 with a client, raw HTTP, and temporary directories.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::put_object::builders::PutObjectFluentBuilder,
    presigning::{PresignedRequest, PresigningConfig},
    primitives::ByteStream,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::{client::legacy, rt::TokioExecutor};
use local::objects::Objects;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub const BUCKET: &str = "sotto-media";

/// A running S3 with one bucket.
pub struct Served {
    pub s3: Client,
    pub endpoint: String,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<()>,
}

impl Served {
    pub async fn start(directory: Option<PathBuf>) -> Self {
        let objects = Objects::open(directory).expect("a store");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, until) = oneshot::channel::<()>();
        let stopped = tokio::spawn(async move {
            let until = async { drop(until.await) };
            objects.serve(listener, "local", "a-secret", until).await;
        });
        let s3 = client(&endpoint, "a-secret");
        s3.create_bucket().bucket(BUCKET).send().await.expect("a bucket");
        Self { s3, endpoint, stop, stopped }
    }

    pub async fn stop(self) {
        drop(self.stop);
        self.stopped.await.expect("a clean stop");
    }

    pub fn put(&self, key: &str, body: &'static [u8]) -> PutObjectFluentBuilder {
        self.s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(body))
    }

    /// The bytes of an object, or the code of the error.
    pub async fn get(&self, key: &str) -> Result<Bytes, String> {
        let answer = self.s3.get_object().bucket(BUCKET).key(key).send().await.map_err(code)?;
        Ok(answer.body.collect().await.expect("a whole body").into_bytes())
    }

    pub async fn keys(&self) -> Vec<String> {
        let answer = self.s3.list_objects_v2().bucket(BUCKET).send().await.expect("a list");
        answer.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }
}

pub fn client(endpoint: &str, secret: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("local", secret, None, None, "test"))
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

/// S3's code of an error.
pub fn code<E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(error: SdkError<E, R>) -> String {
    match error.code() {
        Some(code) => code.to_owned(),
        None => panic!("no error of S3: {error:?}"),
    }
}

/// A directory that is deleted at the end of the test.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sotto-objects-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).expect("a scratch directory");
        Self(path)
    }

    pub fn store(&self) -> Option<PathBuf> {
        Some(self.0.join("store"))
    }

    /// The files of the bucket.
    pub fn files(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.0.join("store").join(BUCKET)).expect("the bucket's directory");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    /// A file of `size` bytes. They repeat only after 251.
    pub fn file(&self, size: usize) -> PathBuf {
        let path = self.0.join("upload");
        fs::write(&path, pattern(0, size)).expect("a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn pattern(from: usize, to: usize) -> Vec<u8> {
    (from..to).map(|n| (n % 251) as u8).collect()
}

pub async fn in_both_modes(test: impl AsyncFn(&Served)) {
    let memory = Served::start(None).await;
    test(&memory).await;
    memory.stop().await;

    let scratch = Scratch::new();
    let directory = Served::start(scratch.store()).await;
    test(&directory).await;
    directory.stop().await;
}

pub async fn raw(method: Method, uri: &str, headers: &[(&str, &str)], body: &'static [u8]) -> (StatusCode, Bytes) {
    let answer = exchange(method, uri, headers, body).await;
    (answer.status(), answer.into_body())
}

/// One request and its whole answer.
pub async fn exchange(method: Method, uri: &str, headers: &[(&str, &str)], body: &'static [u8]) -> Response<Bytes> {
    let client = legacy::Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from_static(body))).expect("a request");
    let answer = client.request(request).await.expect("an answer");
    let (head, body) = answer.into_parts();
    Response::from_parts(head, body.collect().await.expect("a body").to_bytes())
}

/// Sends what was presigned, with the headers that were signed.
pub async fn send(presigned: &PresignedRequest, body: &'static [u8]) -> (StatusCode, Bytes) {
    let method = presigned.method().parse().expect("a method");
    let headers: Vec<_> = presigned.headers().filter(|(name, _)| *name != "content-length").collect();
    raw(method, presigned.uri(), &headers, body).await
}

pub fn for_a_minute() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(60)).expect("a minute")
}
