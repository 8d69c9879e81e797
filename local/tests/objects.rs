//! The embedded S3 from outside: with Amazon's own client, and with raw HTTP where that client is too well-behaved.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Intercept, Region, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::put_object::builders::PutObjectFluentBuilder,
    presigning::{PresignedRequest, PresigningConfig},
    primitives::{ByteStream, SdkBody},
    types::{ChecksumAlgorithm, Delete, MetadataDirective, ObjectIdentifier},
};
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::{client::legacy, rt::TokioExecutor};
use local::objects::{Keep, Objects};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};

const BUCKET: &str = "sotto-media";

/// A store that is being served, with one bucket.
struct Served {
    s3: Client,
    endpoint: String,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<()>,
}

impl Served {
    async fn start(keep: Keep) -> Self {
        let objects = Objects::open(keep).expect("a store");
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

    async fn stop(self) {
        drop(self.stop);
        self.stopped.await.expect("a clean stop");
    }

    fn put(&self, key: &str, body: &'static [u8]) -> PutObjectFluentBuilder {
        self.s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(body))
    }

    /// The bytes of an object, or the code of the error.
    async fn get(&self, key: &str) -> Result<Bytes, String> {
        let answer = self.s3.get_object().bucket(BUCKET).key(key).send().await.map_err(code)?;
        Ok(answer.body.collect().await.expect("a whole body").into_bytes())
    }

    async fn keys(&self) -> Vec<String> {
        let answer = self.s3.list_objects_v2().bucket(BUCKET).send().await.expect("a list");
        answer.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }
}

fn client(endpoint: &str, secret: &str) -> Client {
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

/// S3's code of an error, or the status where there was no body to have one.
fn code<E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(error: SdkError<E, R>) -> String {
    match error.code() {
        Some(code) => code.to_owned(),
        None => panic!("no error of S3: {error:?}"),
    }
}

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sotto-objects-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).expect("a scratch directory");
        Self(path)
    }

    fn keep(&self) -> Keep {
        Keep::Directory(self.0.join("store"))
    }

    /// The files of the bucket.
    fn files(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.0.join("store").join(BUCKET)).expect("the bucket's directory");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    /// A file of `size` bytes that repeat only after 251.
    fn file(&self, size: usize) -> PathBuf {
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

fn pattern(from: usize, to: usize) -> Vec<u8> {
    (from..to).map(|n| (n % 251) as u8).collect()
}

async fn in_both_modes(test: impl AsyncFn(&Served)) {
    let memory = Served::start(Keep::Memory).await;
    test(&memory).await;
    memory.stop().await;

    let scratch = Scratch::new();
    let directory = Served::start(scratch.keep()).await;
    test(&directory).await;
    directory.stop().await;
}

async fn raw(method: Method, uri: &str, headers: &[(&str, &str)], body: &'static [u8]) -> (StatusCode, Bytes) {
    let client = legacy::Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from_static(body))).expect("a request");
    let answer = client.request(request).await.expect("an answer");
    (answer.status(), answer.into_body().collect().await.expect("a body").to_bytes())
}

/// Sends what was presigned, with the headers that were signed.
async fn send(presigned: &PresignedRequest, body: &'static [u8]) -> (StatusCode, Bytes) {
    let method = presigned.method().parse().expect("a method");
    let headers: Vec<_> = presigned.headers().filter(|(name, _)| *name != "content-length").collect();
    raw(method, presigned.uri(), &headers, body).await
}

fn for_a_minute() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(60)).expect("a minute")
}

// --- Objects

#[tokio::test]
async fn an_object_is_read_back_with_everything_that_was_said_of_it() {
    in_both_modes(async |store| {
        let expires = aws_smithy_types::DateTime::from_secs(2_000_000_000);
        let put = store.put("cards/a b+ü.png", b"hello");
        let put = put.content_type("image/png").cache_control("max-age=60").content_disposition("inline");
        let put = put.content_encoding("gzip").content_language("de").expires(expires);
        let put = put.metadata("owner", "u1").metadata("note", "a b").send().await.expect("a put");
        assert_eq!(put.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""), "the MD5 in quotes");

        let get = store.s3.get_object().bucket(BUCKET).key("cards/a b+ü.png").send().await.expect("a get");
        assert_eq!(get.content_type(), Some("image/png"));
        assert_eq!(get.cache_control(), Some("max-age=60"));
        assert_eq!(get.content_disposition(), Some("inline"));
        assert_eq!(get.content_encoding(), Some("gzip"));
        assert_eq!(get.content_language(), Some("de"));
        assert_eq!(get.expires_string(), Some("Wed, 18 May 2033 03:33:20 GMT"));
        assert_eq!(get.content_length(), Some(5));
        assert_eq!(get.e_tag(), put.e_tag());
        let metadata = get.metadata().expect("metadata");
        assert_eq!((metadata["owner"].as_str(), metadata["note"].as_str(), metadata.len()), ("u1", "a b", 2));
        assert_eq!(get.body.collect().await.expect("a body").to_vec(), b"hello");

        let head = store.s3.head_object().bucket(BUCKET).key("cards/a b+ü.png").send().await.expect("a head");
        assert_eq!((head.content_length(), head.content_type()), (Some(5), Some("image/png")));
        assert_eq!((head.e_tag(), head.cache_control()), (put.e_tag(), Some("max-age=60")));
        assert_eq!(head.metadata().map(|metadata| metadata.len()), Some(2));
        assert!(head.last_modified().is_some());
    })
    .await;
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    in_both_modes(async |store| {
        store.put("empty", b"").send().await.expect("a put");
        assert_eq!(store.get("empty").await.as_deref(), Ok(&b""[..]));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_called_by_its_name() {
    in_both_modes(async |store| {
        let head = |bucket: &'static str, key: &'static str| store.s3.head_object().bucket(bucket).key(key).send();
        assert_eq!(store.get("nothing").await, Err("NoSuchKey".into()));
        assert!(head(BUCKET, "nothing").await.expect_err("no object").into_service_error().is_not_found());
        assert!(head("no-bucket", "nothing").await.expect_err("no bucket").into_service_error().is_not_found());
        let other = || store.s3.clone();
        assert_eq!(
            other().get_object().bucket("no-bucket").key("k").send().await.map_err(code).err().as_deref(),
            Some("NoSuchBucket")
        );
        assert_eq!(
            other().put_object().bucket("no-bucket").key("k").send().await.map_err(code).err().as_deref(),
            Some("NoSuchBucket")
        );
        assert_eq!(
            other().delete_object().bucket("no-bucket").key("k").send().await.map_err(code).err().as_deref(),
            Some("NoSuchBucket")
        );
        assert_eq!(
            other().list_objects_v2().bucket("no-bucket").send().await.map_err(code).err().as_deref(),
            Some("NoSuchBucket")
        );
        assert!(
            other()
                .head_bucket()
                .bucket("no-bucket")
                .send()
                .await
                .expect_err("no bucket")
                .into_service_error()
                .is_not_found()
        );
        other().head_bucket().bucket(BUCKET).send().await.expect("the bucket");
    })
    .await;
}

#[tokio::test]
async fn making_a_bucket_again_leaves_its_objects() {
    in_both_modes(async |store| {
        store.put("k", b"kept").send().await.expect("a put");
        store.s3.create_bucket().bucket(BUCKET).send().await.expect("the same bucket");
        assert_eq!(store.get("k").await.as_deref(), Ok(&b"kept"[..]));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_object_is_gone_and_deleting_it_again_is_no_error() {
    in_both_modes(async |store| {
        for key in ["a", "b", "c", "d"] {
            store.put(key, b"x").send().await.expect("a put");
        }
        for _ in 0..2 {
            store.s3.delete_object().bucket(BUCKET).key("a").send().await.expect("a deletion");
        }
        let one = |key: &str| ObjectIdentifier::builder().key(key).build().expect("a key");
        let many = Delete::builder().objects(one("b")).objects(one("c")).objects(one("nothing")).objects(one("x/../d"));
        let many = many.build().expect("keys");
        let answer = store.s3.delete_objects().bucket(BUCKET).delete(many).send().await.expect("a deletion");
        assert_eq!(answer.deleted().len(), 3);
        let errors: Vec<_> = answer.errors().iter().map(|error| (error.key(), error.code())).collect();
        assert_eq!(errors, [(Some("x/../d"), Some("InvalidArgument"))]);
        assert_eq!(store.keys().await, ["d"]);
    })
    .await;
}

#[tokio::test]
async fn a_range_is_answered_with_its_bytes_and_the_whole_size() {
    in_both_modes(async |store| {
        store.put("k", b"0123456789").send().await.expect("a put");
        let get = |range: &'static str| store.s3.get_object().bucket(BUCKET).key("k").range(range).send();
        for (range, bytes, content_range) in [
            ("bytes=0-3", "0123", "bytes 0-3/10"),
            ("bytes=4-", "456789", "bytes 4-9/10"),
            ("bytes=-3", "789", "bytes 7-9/10"),
            ("bytes=8-99", "89", "bytes 8-9/10"),
            ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ] {
            let answer = get(range).await.expect("a range");
            assert_eq!(answer.content_range(), Some(content_range), "{range}");
            assert_eq!(answer.content_length(), Some(bytes.len() as i64), "{range}");
            assert_eq!(answer.body.collect().await.expect("a body").to_vec(), bytes.as_bytes(), "{range}");
        }
        assert_eq!(get("bytes=10-").await.map_err(code).err().as_deref(), Some("InvalidRange"));
        store.put("k", b"").send().await.expect("a put");
        assert_eq!(get("bytes=-3").await.map_err(code).err().as_deref(), Some("InvalidRange"));
    })
    .await;
}

#[tokio::test]
async fn a_read_gets_only_the_version_that_it_wants() {
    in_both_modes(async |store| {
        let tag = store.put("k", b"one").send().await.expect("a put").e_tag.expect("a tag");
        let get = || store.s3.get_object().bucket(BUCKET).key("k");
        let status = |error: SdkError<_, aws_sdk_s3::config::http::HttpResponse>| {
            error.raw_response().map(|r| r.status().as_u16())
        };
        get().if_match(&tag).send().await.expect("this version");
        get().if_none_match("\"other\"").send().await.expect("not the other version");
        assert_eq!(get().if_match("\"other\"").send().await.map_err(code).err().as_deref(), Some("PreconditionFailed"));
        assert_eq!(get().if_none_match(&tag).send().await.map_err(status).err().flatten(), Some(304));

        let modified = get().send().await.expect("a get").last_modified.expect("a time");
        assert_eq!(get().if_modified_since(modified).send().await.map_err(status).err().flatten(), Some(304));
        get().if_unmodified_since(modified).send().await.expect("unmodified");
        let head = store.s3.head_object().bucket(BUCKET).key("k").if_match("\"other\"").send().await;
        assert_eq!(head.expect_err("another version").raw_response().map(|r| r.status().as_u16()), Some(412));
    })
    .await;
}

#[tokio::test]
async fn a_copy_has_the_bytes_and_either_the_old_metadata_or_the_new() {
    in_both_modes(async |store| {
        let put = store.put("a ü/from", b"bytes").content_type("image/png").metadata("owner", "u1");
        let tag = put.send().await.expect("a put").e_tag.expect("a tag");
        let copy =
            |to: &str| store.s3.copy_object().bucket(BUCKET).key(to).copy_source(format!("{BUCKET}/a%20%C3%BC/from"));
        let head = async |key: &str| store.s3.head_object().bucket(BUCKET).key(key).send().await.expect("a head");

        let answer = copy("kept").copy_source_if_match(&tag).send().await.expect("a copy");
        assert_eq!(answer.copy_object_result().and_then(|result| result.e_tag()), Some(tag.as_str()));
        let kept = head("kept").await;
        assert_eq!(
            (kept.content_type(), kept.metadata().map(|m| m["owner"].as_str())),
            (Some("image/png"), Some("u1"))
        );

        let replace = copy("replaced").metadata_directive(MetadataDirective::Replace).content_type("text/plain");
        replace.send().await.expect("a copy");
        let replaced = head("replaced").await;
        assert_eq!(
            (replaced.content_type(), replaced.metadata().is_none_or(|m| m.is_empty())),
            (Some("text/plain"), true)
        );

        store.s3.delete_object().bucket(BUCKET).key("a ü/from").send().await.expect("a deletion");
        assert_eq!(store.get("kept").await.as_deref(), Ok(&b"bytes"[..]), "a copy is its own");
        assert_eq!(copy("late").send().await.map_err(code).err().as_deref(), Some("NoSuchKey"));
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_refused_unless_its_source_is_the_wanted_version() {
    in_both_modes(async |store| {
        let tag = store.put("from", b"bytes").send().await.expect("a put").e_tag.expect("a tag");
        let copy = |to: &str| store.s3.copy_object().bucket(BUCKET).key(to).copy_source(format!("{BUCKET}/from"));
        let other = copy("to").copy_source_if_match("\"other\"").send().await.map_err(code);
        assert_eq!(other.err().as_deref(), Some("PreconditionFailed"));
        let known = copy("to").copy_source_if_none_match(&tag).send().await.map_err(code);
        assert_eq!(known.err().as_deref(), Some("PreconditionFailed"));
        assert_eq!(copy("from").send().await.map_err(code).err().as_deref(), Some("InvalidRequest"), "onto itself");
        assert_eq!(store.keys().await, ["from"]);
    })
    .await;
}

#[tokio::test]
async fn pages_of_a_list_have_every_key_with_the_prefix_once_and_in_order() {
    in_both_modes(async |store| {
        let mut expected: Vec<_> = (0..23).map(|n| format!("cards/{n}")).collect();
        expected.sort();
        for key in expected.iter().map(String::as_str).chain(["card", "cards!", "cardz/1"]) {
            store.put(key, b"x").send().await.expect("a put");
        }
        let pages = store.s3.list_objects_v2().bucket(BUCKET).prefix("cards/").max_keys(5).into_paginator().send();
        let pages = pages.try_collect().await.expect("pages");
        assert_eq!(pages.iter().map(|page| page.contents().len()).collect::<Vec<_>>(), [5, 5, 5, 5, 3]);
        let keys: Vec<_> = pages.iter().flat_map(|page| page.contents()).filter_map(|object| object.key()).collect();
        assert_eq!(keys, expected);
        let first = &pages[0].contents()[0];
        assert_eq!((first.size(), first.e_tag()), (Some(1), Some("\"9dd4e461268c8034f5c8564e155c67a6\"")));

        let list = || store.s3.list_objects_v2().bucket(BUCKET);
        let rest = list().start_after("cards/9").send().await.expect("a list");
        assert_eq!(rest.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["cardz/1"]);
        let none = list().max_keys(0).send().await.expect("a list");
        assert_eq!((none.contents().len(), none.is_truncated()), (0, Some(false)));
        assert_eq!(
            list().continuation_token("??").send().await.map_err(code).err().as_deref(),
            Some("InvalidArgument")
        );
        assert_eq!(list().delimiter("/").send().await.map_err(code).err().as_deref(), Some("NotImplemented"));
    })
    .await;
}

#[tokio::test]
async fn the_reason_of_a_refusal_arrives_however_large_the_body_was() {
    let scratch = Scratch::new();
    let file = scratch.file(8_000_000);
    in_both_modes(async |store| {
        let forger = client(&store.endpoint, "another-secret");
        for (s3, bucket, key, expected) in [
            (&store.s3, "no-bucket", "k", "NoSuchBucket"),
            (&store.s3, BUCKET, "a/../b", "InvalidArgument"),
            (&forger, BUCKET, "k", "SignatureDoesNotMatch"),
        ] {
            let body = ByteStream::from_path(&file).await.expect("a stream");
            let put = s3.put_object().bucket(bucket).key(key).body(body).send().await;
            assert_eq!(put.map_err(code).err().as_deref(), Some(expected));
        }
    })
    .await;
}

// --- Keys

#[tokio::test]
async fn a_key_of_1024_bytes_is_fine_and_one_of_1025_is_too_long() {
    in_both_modes(async |store| {
        let longest = "é".repeat(512);
        store.put(&longest, b"x").send().await.expect("a put");
        assert_eq!(store.get(&longest).await.as_deref(), Ok(&b"x"[..]));
        let put = store.put(&format!("{longest}x"), b"x").send().await;
        assert_eq!(put.map_err(code).err().as_deref(), Some("KeyTooLongError"));
    })
    .await;
}

#[tokio::test]
async fn no_operation_takes_a_key_with_an_empty_or_dotted_segment() {
    in_both_modes(async |store| {
        store.put("private/x", b"secret").send().await.expect("a put");
        let refused = Some("InvalidArgument");
        for key in ["cards/../private/x", "../x", "cards/./x", "private//x", "private/x/", "cards/..", "."] {
            assert_eq!(store.put(key, b"x").send().await.map_err(code).err().as_deref(), refused, "put {key}");
            assert_eq!(store.get(key).await.err().as_deref(), refused, "get {key}");
            let head = store.s3.head_object().bucket(BUCKET).key(key).send().await.expect_err("a refusal");
            assert_eq!(head.raw_response().map(|answer| answer.status().as_u16()), Some(400), "head {key}");
            let delete = store.s3.delete_object().bucket(BUCKET).key(key).send().await;
            assert_eq!(delete.map_err(code).err().as_deref(), refused, "delete {key}");
            for (from, to) in [(key, "to"), ("private/x", key)] {
                let copy = store.s3.copy_object().bucket(BUCKET).key(to).copy_source(format!("{BUCKET}/{from}"));
                assert_eq!(copy.send().await.map_err(code).err().as_deref(), refused, "copy {from} to {to}");
            }
        }
        let encoded =
            store.s3.copy_object().bucket(BUCKET).key("to").copy_source(format!("{BUCKET}/cards%2F%2e%2e%2fprivate/x"));
        assert_eq!(encoded.send().await.map_err(code).err().as_deref(), refused, "an encoded copy source");
        assert_eq!(store.keys().await, ["private/x"]);
    })
    .await;
}

#[tokio::test]
async fn no_spelling_of_a_path_over_raw_http_reaches_another_object() {
    in_both_modes(async |store| {
        store.put("private/x", b"secret").send().await.expect("a put");
        for path in ["cards/../private/x", "cards/%2e%2e/private/x", "cards/..%2Fprivate/x", "../sotto-media/private/x"]
        {
            let (status, body) = raw(Method::GET, &format!("{}/{BUCKET}/{path}", store.endpoint), &[], b"").await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}, not signed");
            assert!(!body.windows(6).any(|window| window == b"secret"));
        }
        let get = store.s3.get_object().bucket(BUCKET).key("cards/../private/x");
        let signed = get.presigned(for_a_minute()).await.expect("a URL");
        for dots in ["..", "%2e%2e", "%2E."] {
            let (status, _) = raw(Method::GET, &signed.uri().replace("..", dots), &[], b"").await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{dots}, signed");
        }
    })
    .await;
}

// --- Who may

#[tokio::test]
async fn a_request_without_a_valid_signature_is_refused() {
    in_both_modes(async |store| {
        store.put("k", b"secret").send().await.expect("a put");
        let url = format!("{}/{BUCKET}/k", store.endpoint);
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let (status, body) = raw(method.clone(), &url, &[], b"").await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method}");
            assert!(String::from_utf8_lossy(&body).contains("<Code>AccessDenied</Code>"), "{method}: {body:?}");
        }
        let forged = client(&store.endpoint, "another-secret").get_object().bucket(BUCKET).key("k").send().await;
        assert_eq!(forged.map_err(code).err().as_deref(), Some("SignatureDoesNotMatch"));
        assert_eq!(store.get("k").await.as_deref(), Ok(&b"secret"[..]));
    })
    .await;
}

#[tokio::test]
async fn presigned_urls_put_and_get_what_they_were_signed_for() {
    in_both_modes(async |store| {
        let put = store.s3.put_object().bucket(BUCKET).key("media/a ü").content_type("image/png").content_length(5);
        let put = put.presigned(for_a_minute()).await.expect("a URL");
        let (status, body) = send(&put, b"hello").await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        let get = store.s3.get_object().bucket(BUCKET).key("media/a ü").response_content_type("text/x-other");
        let get = get.presigned(for_a_minute()).await.expect("a URL");
        assert_eq!(send(&get, b"").await, (StatusCode::OK, Bytes::from_static(b"hello")));

        let (longer, _) = send(&put, b"hello, world").await;
        assert_eq!(longer, StatusCode::FORBIDDEN, "another length");
        let (other, _) = raw(Method::PUT, put.uri(), &[("content-type", "text/html")], b"hello").await;
        assert_eq!(other, StatusCode::FORBIDDEN, "another type");
        let elsewhere = put.uri().replace("/media/", "/cards/");
        let (elsewhere, _) = raw(Method::PUT, &elsewhere, &[("content-type", "image/png")], b"hello").await;
        assert_eq!(elsewhere, StatusCode::FORBIDDEN, "another key");
        assert_eq!(store.keys().await, ["media/a ü"]);
    })
    .await;
}

#[tokio::test]
async fn a_presigned_url_ends_when_it_said() {
    in_both_modes(async |store| {
        store.put("k", b"x").send().await.expect("a put");
        let past = PresigningConfig::builder().start_time(SystemTime::now() - Duration::from_secs(120));
        let past = past.expires_in(Duration::from_secs(60)).build().expect("a time");
        let url = store.s3.get_object().bucket(BUCKET).key("k").presigned(past).await.expect("a URL");
        assert_eq!(send(&url, b"").await.0, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn a_presigned_put_can_not_be_made_a_copy_by_adding_a_header() {
    in_both_modes(async |store| {
        store.put("private/x", b"secret").send().await.expect("a put");
        let put =
            store.s3.put_object().bucket(BUCKET).key("media/mine").presigned(for_a_minute()).await.expect("a URL");
        let headers = [("x-amz-copy-source", "sotto-media/private/x")];
        let (status, body) = raw(Method::PUT, put.uri(), &headers, b"").await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body:?}");
        assert_eq!(store.keys().await, ["private/x"]);
    })
    .await;
}

// --- Races and conditions on writes

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_one_of_32_concurrent_creators_wins() {
    in_both_modes(async |store| {
        for round in 0..5 {
            let mut creators = JoinSet::new();
            for n in 0..32 {
                let body = ByteStream::from(format!("creator {n}").into_bytes());
                let put =
                    store.s3.put_object().bucket(BUCKET).key(format!("race/{round}")).body(body).if_none_match("*");
                creators.spawn(async move { put.send().await.map(|_| n).map_err(code) });
            }
            let (winners, losers): (Vec<_>, Vec<_>) = creators.join_all().await.into_iter().partition(Result::is_ok);
            assert_eq!(winners.len(), 1);
            assert!(losers.iter().all(|loser| loser == &Err("PreconditionFailed".to_owned())), "{losers:?}");
            let winner = winners[0].as_ref().expect("a winner");
            assert_eq!(store.get(&format!("race/{round}")).await, Ok(Bytes::from(format!("creator {winner}"))));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_concurrent_replacements_of_one_version_exactly_one_happens() {
    in_both_modes(async |store| {
        let tag = store.put("k", b"first").send().await.expect("a put").e_tag.expect("a tag");
        let mut writers = JoinSet::new();
        for n in 0..32 {
            let body = ByteStream::from(format!("writer {n}").into_bytes());
            let put = store.s3.put_object().bucket(BUCKET).key("k").body(body).if_match(&tag);
            writers.spawn(async move { put.send().await.is_ok() });
        }
        assert_eq!(writers.join_all().await.into_iter().filter(|won| *won).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_write_on_condition_leaves_any_other_version_alone() {
    in_both_modes(async |store| {
        let refused = Some("PreconditionFailed");
        let new = store.put("k", b"x").if_match("\"other\"").send().await;
        assert_eq!(new.map_err(code).err().as_deref(), Some("NoSuchKey"), "nothing to replace");
        let tag = store.put("k", b"one").if_none_match("*").send().await.expect("a put").e_tag.expect("a tag");
        assert_eq!(store.put("k", b"x").if_match("\"other\"").send().await.map_err(code).err().as_deref(), refused);
        assert_eq!(store.put("k", b"x").if_none_match("*").send().await.map_err(code).err().as_deref(), refused);
        let delete = || store.s3.delete_object().bucket(BUCKET).key("k");
        assert_eq!(delete().if_match("\"other\"").send().await.map_err(code).err().as_deref(), refused);
        store.put("k", b"two").if_match(&tag).send().await.expect("the version that was expected");
        assert_eq!(delete().if_match(&tag).send().await.map_err(code).err().as_deref(), refused);
        assert_eq!(store.get("k").await.as_deref(), Ok(&b"two"[..]));
        delete().if_match("*").send().await.expect("any version");
        assert_eq!(store.keys().await, Vec::<String>::new());
    })
    .await;
}

// --- Digests

#[tokio::test]
async fn an_upload_with_a_wrong_digest_leaves_what_was_there() {
    in_both_modes(async |store| {
        store.put("k", b"before").send().await.expect("a put");
        for key in ["k", "new"] {
            let put = || store.put(key, b"hello");
            for (name, wrong) in [
                ("Content-MD5", put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==")),
                ("CRC32", put().checksum_crc32("AAAAAA==")),
                ("CRC32C", put().checksum_crc32_c("AAAAAA==")),
                ("CRC64NVME", put().checksum_crc64_nvme("AAAAAAAAAAA=")),
                ("SHA-1", put().checksum_sha1("2jmj7l5rSw0yVb/vlWAYkK/YBwk=")),
                ("SHA-256", put().checksum_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")),
            ] {
                assert_eq!(wrong.send().await.map_err(code).err().as_deref(), Some("BadDigest"), "{name}");
            }
            let malformed = put().content_md5("short").send().await;
            assert_eq!(malformed.map_err(code).err().as_deref(), Some("InvalidDigest"));
        }
        assert_eq!(store.get("k").await.as_deref(), Ok(&b"before"[..]));
        assert_eq!(store.keys().await, ["k"]);
    })
    .await;
}

#[tokio::test]
async fn an_upload_with_a_right_digest_is_taken() {
    in_both_modes(async |store| {
        let md5 = store.put("k", b"hello").content_md5("XUFAKrxLKna5cZ2REBfFkg==");
        md5.send().await.expect("the right MD5");
        for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
            let put = store.put("k", b"hello").checksum_algorithm(ChecksumAlgorithm::from(algorithm)).send().await;
            put.unwrap_or_else(|error| panic!("{algorithm}: {error:?}"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_streamed_upload_comes_in_chunks_and_its_encoding_is_not_kept() {
    let scratch = Scratch::new();
    let file = scratch.file(300_000);
    in_both_modes(async |store| {
        let body = async || ByteStream::from_path(&file).await.expect("a stream");
        let put = store.s3.put_object().bucket(BUCKET).key("plain").body(body().await).send().await.expect("a put");
        assert!(put.e_tag().is_some());
        let put = store.s3.put_object().bucket(BUCKET).key("gzip").content_encoding("gzip").body(body().await);
        put.send().await.expect("a put");
        for (key, encoding) in [("plain", None), ("gzip", Some("gzip"))] {
            let get = store.s3.get_object().bucket(BUCKET).key(key).send().await.expect("a get");
            assert_eq!(get.content_encoding(), encoding);
            assert!(get.body.collect().await.expect("a body").to_vec() == pattern(0, 300_000));
        }
    })
    .await;
}

/// Changes bytes of a streamed body after the client made it. To an https endpoint the client doesn't sign chunks and
/// trailers, so the request then goes out over http with only its checksum to give the change away.
#[derive(Debug)]
struct Tamper(&'static str, &'static str);

impl Intercept for Tamper {
    fn name(&self) -> &'static str {
        "Tamper"
    }

    fn modify_before_transmit(
        &self,
        context: &mut aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut<'_>,
        _: &aws_sdk_s3::config::RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_sdk_s3::error::BoxError> {
        let plain = context.request().uri().replace("https:", "http:");
        context.request_mut().set_uri(plain)?;
        let body = std::mem::replace(context.request_mut().body_mut(), SdkBody::taken());
        let sent = futures_executor(body.collect())?.to_bytes();
        let tampered = String::from_utf8(sent.to_vec())?.replace(self.0, self.1);
        assert_eq!(tampered.len(), sent.len());
        assert_ne!(tampered.as_bytes(), &sent[..], "{} is in the body", self.0);
        *context.request_mut().body_mut() = SdkBody::from(tampered);
        Ok(())
    }
}

/// Runs a future inside a function that is not async but runs in the multi-thread runtime.
fn futures_executor<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trailing_checksum_is_verified_and_can_not_be_left_out() {
    let scratch = Scratch::new();
    let file = scratch.0.join("upload");
    fs::write(&file, "hello").expect("a file");
    in_both_modes(async |store| {
        let unsigning = client(&store.endpoint.replace("http:", "https:"), "a-secret");
        let put = async |s3: &Client, tamper: Tamper| {
            let body = ByteStream::from_path(&file).await.expect("a stream");
            s3.put_object().bucket(BUCKET).key("k").body(body).customize().interceptor(tamper)
        };
        // "hello" has the CRC32 3610a686, NhCmhg== in base64.
        for (from, to, expected) in [
            ("x-amz-checksum-crc32:NhCmhg==", "x-amz-checksum-crc32:NhCmhQ==", "BadDigest"),
            ("hello", "hallo", "BadDigest"),
            ("x-amz-checksum-crc32:", "x-amz-checksum-crcxx:", "BadDigest"),
            ("5\r\nhello\r\n", "4\r\nhell\r\n0", "IncompleteBody"),
        ] {
            let unsigned = put(&unsigning, Tamper(from, to)).await.send().await;
            assert_eq!(unsigned.map_err(code).err().as_deref(), Some(expected), "{from} to {to}, unsigned");
        }
        for (from, to) in [("NhCmhg==", "NhCmhQ=="), ("hello", "hallo")] {
            let signed = put(&store.s3, Tamper(from, to)).await.send().await;
            assert_eq!(signed.map_err(code).err().as_deref(), Some("SignatureDoesNotMatch"), "{from} to {to}, signed");
        }
        assert_eq!(store.keys().await, Vec::<String>::new());
    })
    .await;
}

// --- In a directory

#[tokio::test]
async fn objects_survive_a_restart_with_everything_that_was_said_of_them() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.keep()).await;
    let put = store.put("cards/x", b"hello").content_type("image/png").cache_control("max-age=60");
    let put = put.content_disposition("inline").content_encoding("gzip").metadata("owner", "u1");
    let tag = put.send().await.expect("a put").e_tag.expect("a tag");
    store.put("gone", b"x").send().await.expect("a put");
    store.s3.delete_object().bucket(BUCKET).key("gone").send().await.expect("a deletion");
    let head = |s3: &Client| s3.head_object().bucket(BUCKET).key("cards/x").send();
    let before = head(&store.s3).await.expect("a head");
    store.stop().await;

    let store = Served::start(scratch.keep()).await;
    let after = head(&store.s3).await.expect("a head");
    assert_eq!(after.e_tag(), Some(tag.as_str()));
    assert_eq!(after.last_modified(), before.last_modified());
    assert_eq!((after.content_type(), after.content_encoding()), (Some("image/png"), Some("gzip")));
    assert_eq!((after.cache_control(), after.content_disposition()), (Some("max-age=60"), Some("inline")));
    assert_eq!(after.metadata(), before.metadata());
    assert_eq!(store.keys().await, ["cards/x"]);
    assert_eq!(store.get("cards/x").await.as_deref(), Ok(&b"hello"[..]));
    let again = store.put("cards/x", b"x").if_none_match("*").send().await;
    assert_eq!(again.map_err(code).err().as_deref(), Some("PreconditionFailed"));
    store.stop().await;
}

#[tokio::test]
async fn only_what_is_current_has_files() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.keep()).await;
    for body in [&b"one"[..], b"two", b"three"] {
        store.put("k", body).send().await.expect("a put");
    }
    assert_eq!(scratch.files().len(), 2, "a row and the bytes");
    store.put("k", b"x").checksum_crc32("AAAAAA==").send().await.expect_err("a wrong digest");
    store.put("k", b"x").if_none_match("*").send().await.expect_err("a condition");
    assert_eq!(scratch.files().len(), 2);
    assert!(scratch.files().iter().all(|name| name.len() > 64 && hex::decode(&name[..64]).is_ok()), "named by hash");
    store.s3.delete_object().bucket(BUCKET).key("k").send().await.expect("a deletion");
    assert_eq!(scratch.files(), BTreeSet::new());
    store.stop().await;
}

#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_nothing() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.keep()).await;
    let put = store.s3.put_object().bucket(BUCKET).key("k").presigned(for_a_minute()).await.expect("a URL");
    let address = store.endpoint.trim_start_matches("http://");
    let path = put.uri().trim_start_matches(store.endpoint.as_str());
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000\r\n\r\nonly this");
    connection.write_all(head.as_bytes()).await.expect("a beginning");
    until(|| scratch.files().len() == 1).await;
    drop(connection);
    until(|| scratch.files().is_empty()).await;
    assert_eq!(store.get("k").await, Err("NoSuchKey".into()));
    store.stop().await;
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it to happen");
}

#[tokio::test]
async fn a_reader_is_not_overtaken_by_a_write_or_a_deletion() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.keep()).await;
    let size = 8_000_000;
    let body = ByteStream::from_path(scratch.file(size)).await.expect("a stream");
    store.s3.put_object().bucket(BUCKET).key("k").body(body).send().await.expect("a put");
    let reader = store.s3.get_object().bucket(BUCKET).key("k").send().await.expect("a get");
    store.put("k", b"another").send().await.expect("a put");
    store.s3.delete_object().bucket(BUCKET).key("k").send().await.expect("a deletion");
    let mut read = Vec::new();
    reader.body.into_async_read().read_to_end(&mut read).await.expect("the whole body");
    assert!(read == pattern(0, size));
    store.stop().await;
}

#[tokio::test]
async fn what_a_killed_process_left_goes_and_what_others_put_there_stays() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.keep()).await;
    store.put("k", b"x").send().await.expect("a put");
    store.stop().await;
    let kept = scratch.files();
    let bucket = scratch.0.join("store").join(BUCKET);
    let hash = "ab".repeat(32);
    for name in [format!("{hash}.0123"), format!("{hash}.new"), "README.md".to_owned()] {
        fs::write(bucket.join(name), "x").expect("a file");
    }
    let store = Served::start(scratch.keep()).await;
    let mut expected = kept;
    expected.insert("README.md".to_owned());
    assert_eq!(scratch.files(), expected);
    assert_eq!(store.get("k").await.as_deref(), Ok(&b"x"[..]));
    store.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_in_use_or_damaged_is_refused_by_name() {
    let scratch = Scratch::new();
    let store = Served::start(scratch.keep()).await;
    let in_use = Objects::open(scratch.keep()).err().expect("a refusal").to_string();
    assert!(in_use.contains("in use"), "{in_use}");
    store.put("k", b"x").send().await.expect("a put");
    store.stop().await;

    let files = scratch.files();
    let row = files.iter().find(|name| Path::new(name).extension().is_some_and(|e| e == "json")).expect("a row");
    fs::write(scratch.0.join("store").join(BUCKET).join(row), "{").expect("damage");
    let damaged = Objects::open(scratch.keep()).err().expect("a refusal").to_string();
    assert!(damaged.contains(row.as_str()), "{damaged}");
    assert_eq!(scratch.files().len(), 2, "nothing is removed");
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_object_is_never_whole_in_memory() {
    // Alone in a process: other tests need memory too.
    let alone = ["--exact", "the_peak_of_a_large_object", "--ignored", "--nocapture"];
    let this = std::env::current_exe().expect("this test");
    let measured = std::process::Command::new(this).args(alone).output().expect("a process");
    assert!(measured.status.success(), "{measured:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "run by a_large_object_is_never_whole_in_memory"]
async fn the_peak_of_a_large_object() {
    fn peak() -> usize {
        let status = fs::read_to_string("/proc/self/status").expect("our status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        peak.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }
    let scratch = Scratch::new();
    let store = Served::start(scratch.keep()).await;
    let (piece, pieces) = (pattern(0, 251 * 4096), 96);
    let path = scratch.0.join("upload");
    fs::write(&path, piece.repeat(pieces)).expect("a file");
    let size = piece.len() * pieces;

    // What the test itself needed is freed, but stays in the peak: let the peak start here.
    fs::write("/proc/self/clear_refs", "5").expect("a new peak");
    let before = peak();
    let body = ByteStream::from_path(&path).await.expect("a stream");
    store.s3.put_object().bucket(BUCKET).key("k").body(body).send().await.expect("a put");
    let mut body = store.s3.get_object().bucket(BUCKET).key("k").send().await.expect("a get").body;
    let mut read = 0;
    while let Some(chunk) = body.try_next().await.expect("a chunk") {
        read += chunk.len();
    }
    let grown = peak() - before;
    assert_eq!(read, size);
    println!("{grown} bytes of memory for an object of {size}");
    assert!(grown < size / 3, "{grown} bytes for an object of {size}");
    store.stop().await;
}
