//! The template's table, bucket, secret and content network, and the data directory.

use crate::support::{Http, options, stack};
use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveStatus};
use local::{Endpoints, Options, Stack, State};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A directory that is deleted at the end of the test.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        Self(std::env::temp_dir().join(format!("sotto-local-{}", uuid::Uuid::new_v4())))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The options of a stack whose embedded services keep their state in it.
    pub fn options(&self) -> Options {
        Options { endpoints: Endpoints::default(), ..options(State::Directory(self.0.clone())) }
    }

    /// The same options with another template, which is written into the directory.
    pub fn with_template(&self, options: Options, template: &str) -> Options {
        std::fs::create_dir_all(&self.0).unwrap();
        let file = self.0.join("template.yaml");
        std::fs::write(&file, template).unwrap();
        Options { template: file, ..options }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A client of a stack's DynamoDB.
pub fn dynamodb(stack: &Stack) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&stack.sdk_config(stack.dynamodb_url()))
}

async fn variables(stack: &Stack) -> Value {
    Http::new(stack.url()).get("/environment").await.json()["variables"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_has_the_environment_that_its_template_and_lambda_give_it_and_no_other() {
    let stack = stack().await;
    let variables = variables(&stack).await;
    assert_eq!(variables["TABLE_NAME"], stack.table());
    assert_eq!(variables["BUCKET_NAME"], stack.bucket());
    assert_eq!(variables["PUBLIC_BASE_URL"], stack.url());
    assert_eq!(variables["CDN_URL"], format!("{}/_local/cdn", stack.url()));
    assert_eq!(variables["OVERRIDDEN"], "own");
    assert_eq!(variables["STAGE"], "test-stage");
    assert_eq!(variables["SECRET_KEY"].as_str().map(str::len), Some(48));
    assert_eq!(variables["CURRENT_KEY"].as_str().map(str::len), Some(40));
    assert_eq!((&variables["PREVIOUS_KEY"], &variables["EMPTY"]), (&"".into(), &"".into()));
    let port = stack.url().rsplit(':').next().unwrap();
    let own = ["127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}")).join(",");
    assert_eq!(variables["ORIGINS"], format!("https://one.example,https://two.example,{own}"));
    assert_eq!(variables["MAIL_FROM"], "sotto@example.com");
    let stream = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{}/stream/", stack.table());
    assert!(variables["STREAM"].as_str().is_some_and(|arn| arn.starts_with(&stream)), "{variables}");
    assert_eq!(variables["AWS_ENDPOINT_URL_DYNAMODB"], stack.dynamodb_url());
    assert_eq!(variables["AWS_ENDPOINT_URL_S3"], stack.s3_url());
    assert_eq!(variables["AWS_ENDPOINT_URL_SESV2"], stack.ses_url());
    assert_eq!(variables["AWS_ENDPOINT_URL_SQS"], stack.sqs_url());
    assert_eq!(variables["SOTTO_PUSH_ENDPOINT_URL"], stack.push_url());
    let queue = stack.queue_name("GivenUp").unwrap();
    assert_eq!(variables["QUEUE"], format!("{}/{}/{queue}", stack.sqs_url(), local::ACCOUNT));
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "probe");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
    for own in ["HOME", "USER", "CARGO", "CARGO_MANIFEST_DIR", "RUST_BACKTRACE", "LD_LIBRARY_PATH"] {
        assert_eq!(variables.get(own), None, "{own}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_as_the_template_says() {
    let stack = stack().await;
    let client = dynamodb(&stack);
    let table = client.describe_table().table_name(stack.table()).send().await.unwrap().table.unwrap();
    assert_eq!(table.key_schema()[0].attribute_name(), "pk");
    assert_eq!(table.global_secondary_indexes()[0].index_name(), Some("by-other"));
    assert!(table.stream_specification().is_some_and(|stream| stream.stream_enabled()));
    let ttl = client.describe_time_to_live().table_name(stack.table()).send().await.unwrap();
    let ttl = ttl.time_to_live_description.unwrap();
    assert_eq!((ttl.time_to_live_status(), ttl.attribute_name()), (Some(&TimeToLiveStatus::Enabled), Some("ttl")));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_network_serves_what_the_bucket_policy_grants_and_no_more() {
    let stack = stack().await;
    let (http, s3) = (Http::new(stack.url()), stack.s3());
    for key in ["cards/a.png", "temp/secret"] {
        let put = s3.put_object().bucket(stack.bucket()).key(key).content_type("image/png");
        put.cache_control("max-age=60").body(b"bytes".to_vec().into()).send().await.unwrap();
    }
    let answer = http.get("/_local/cdn/cards/a.png").await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"bytes"[..]));
    assert_eq!(answer.header("content-type"), Some("image/png"));
    assert_eq!(answer.header("cache-control"), Some("max-age=60"));
    assert!(answer.headers.contains_key("etag"));
    let head = http.send("HEAD", "/_local/cdn/cards/a.png", &[], "").await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (200, Some("5")));
    assert_eq!(http.send("DELETE", "/_local/cdn/cards/a.png", &[], "").await.status, 403);
    for path in [
        "temp/secret",
        "cards/missing.png",
        "cards/../temp/secret",
        "cards/%2e%2e/temp/secret",
        "cards%2F..%2Ftemp%2Fsecret",
    ] {
        let answer = http.get(&format!("/_local/cdn/{path}")).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(!answer.body.windows(5).any(|part| part == b"bytes"));
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_lets_browsers_do_what_the_template_says() {
    let embedded = Options { endpoints: Endpoints::default(), ..options(State::Memory) };
    let stack = Stack::start(embedded).await.unwrap();
    let (s3, path) = (Http::new(stack.s3_url()), format!("/{}/temp/a", stack.bucket()));
    let preflight = async |origin: &str, method: &str| {
        let asked = [("access-control-request-method", method), ("access-control-request-headers", "content-type")];
        s3.send("OPTIONS", &path, &[("origin", origin), asked[0], asked[1]], "").await
    };
    let answer = preflight("https://two.example", "PUT").await;
    assert_eq!(answer.status, 200);
    for (name, value) in [("origin", "https://two.example"), ("methods", "PUT"), ("headers", "content-type")] {
        assert_eq!(answer.header(&format!("access-control-allow-{name}")), Some(value));
    }
    assert_eq!(answer.header("access-control-expose-headers"), Some("ETag"));
    assert_eq!(answer.header("access-control-max-age"), Some("60"));
    assert_eq!(preflight("https://two.example", "DELETE").await.status, 403);
    assert_eq!(preflight("https://three.example", "PUT").await.status, 403);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_keeps_everything_and_takes_one_stack_at_a_time() {
    let directory = Directory::new();
    let stack = Stack::start(directory.options()).await.unwrap();
    let refused = Stack::start(directory.options()).await.err().expect("a second stack must not start");
    assert!(refused.to_string().contains("another local stack is using"), "{refused}");

    let item = stack.table().to_owned();
    let put = dynamodb(&stack).put_item().table_name(&item).item("pk", AttributeValue::S("kept".into()));
    put.send().await.unwrap();
    stack
        .s3()
        .put_object()
        .bucket(stack.bucket())
        .key("cards/kept")
        .body(b"kept".to_vec().into())
        .send()
        .await
        .unwrap();
    let secret = variables(&stack).await["SECRET_KEY"].clone();
    stack.stop().await;

    let stack = Stack::start(directory.options()).await.unwrap();
    let got = dynamodb(&stack).get_item().table_name(stack.table()).key("pk", AttributeValue::S("kept".into()));
    assert!(got.send().await.unwrap().item.is_some());
    assert_eq!(&Http::new(stack.url()).get("/_local/cdn/cards/kept").await.body[..], b"kept");
    assert_eq!(variables(&stack).await["SECRET_KEY"], secret);
    stack.stop().await;

    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &str| std::fs::metadata(directory.0.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("secrets/SecretKey"), 0o600);
    assert_eq!(mode(""), 0o700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_of_another_version_is_refused_and_not_touched() {
    let directory = Directory::new();
    Stack::start(directory.options()).await.unwrap().stop().await;
    let format = directory.0.join("format");
    let own = std::fs::read_to_string(&format).unwrap();
    for other in [None, Some(""), Some("1"), Some("9999")] {
        match other {
            Some(other) => std::fs::write(&format, other).unwrap(),
            None => std::fs::remove_file(&format).unwrap(),
        }
        let before = std::fs::read(directory.0.join("dynamodb.sqlite")).unwrap();
        let refused = Stack::start(directory.options()).await.err().expect("it must not start").to_string();
        assert!(
            refused.contains("of another version of Sotto") && refused.contains("delete the directory"),
            "{refused}"
        );
        assert_eq!(std::fs::read(directory.0.join("dynamodb.sqlite")).unwrap(), before);
    }
    std::fs::write(&format, own).unwrap();
    Stack::start(directory.options()).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stacks_in_memory_share_nothing() {
    let (one, two) = (stack().await, stack().await);
    assert_ne!(variables(&one).await["SECRET_KEY"], variables(&two).await["SECRET_KEY"]);
    let put = dynamodb(&one).put_item().table_name(one.table()).item("pk", AttributeValue::S("x".into()));
    put.send().await.unwrap();
    let got = dynamodb(&two).get_item().table_name(two.table()).key("pk", AttributeValue::S("x".into()));
    assert!(got.send().await.unwrap().item.is_none());
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_of_a_start_is_said() {
    let mut nowhere = options(State::Memory);
    nowhere.template = "/no/such/template.yaml".into();
    let mut unbuilt = options(State::Memory);
    unbuilt.binaries.remove("brief");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut blocked = options(State::Memory);
    blocked.port = taken.local_addr().unwrap().port();
    let mut mistaken = options(State::Memory);
    mistaken.parameters.insert("Stgae".into(), "production".into());
    for (options, said) in [
        (nowhere, "/no/such/template.yaml"),
        (unbuilt, "brief"),
        (blocked, "127.0.0.1:"),
        (mistaken, "no parameter Stgae"),
    ] {
        let error = Stack::start(options).await.err().expect("it must not start").to_string();
        assert!(error.contains(said), "{error}");
    }
}
