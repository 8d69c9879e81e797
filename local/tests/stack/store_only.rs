//! `--store-only`: the services without functions, and the file for `sam local`.

use crate::cli::Workspace;
use crate::stores::Directory;
use crate::support::{Http, options, stack};
use aws_sdk_dynamodb::types::AttributeValue;
use local::{Endpoints, State, StoreOnly, StoreOptions};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn embedded(state: State, env_file: &Path) -> StoreOptions {
    StoreOptions {
        template: options(State::Memory).template,
        port: 0,
        state,
        endpoints: Endpoints::default(),
        parameters: [].into(),
        host: Ipv4Addr::LOCALHOST.into(),
        env_file: env_file.to_owned(),
    }
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn dynamodb(url: &str) -> aws_sdk_dynamodb::Client {
    let pair = aws_credential_types::Credentials::new(local::ACCESS_KEY, local::SECRET_KEY, None, None, "test");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(aws_sdk_dynamodb::config::Region::new(local::REGION))
        .credentials_provider(pair)
        .endpoint_url(url)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_has_what_the_template_declares_of_each_function_and_nothing_else() {
    let directory = Directory::new();
    let file = directory.path().join("env.json");
    let stores = StoreOnly::start(embedded(State::Memory, &file)).await.unwrap();
    assert_eq!(stores.env_file(), file);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "it has the secrets");

    let functions = read(&file);
    let names: Vec<_> = functions.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["Bisecting", "Brief", "Broken", "Impatient", "Parallel", "Probe", "Watcher", "Worker"]);
    let (brief, probe) = (&functions["Brief"], &functions["Probe"]);
    let urls: std::collections::HashMap<_, _> = stores.urls().into();
    let seen = |name: &str| urls[name].replace("127.0.0.1", "host.docker.internal");
    assert_eq!(
        *brief,
        json!({
            "TABLE_NAME": "local-table",
            "BUCKET_NAME": "local-bucket",
            "PUBLIC_BASE_URL": "http://localhost:3000",
            "CDN_URL": format!("{}/_local/cdn", stores.url()),
            "OVERRIDDEN": "global",
            "AWS_ENDPOINT_URL_DYNAMODB": seen("DynamoDB"),
            "AWS_ENDPOINT_URL_S3": seen("S3"),
            "AWS_ENDPOINT_URL_SESV2": seen("SES"),
            "AWS_ENDPOINT_URL_SQS": seen("SQS"),
        })
    );
    assert_eq!((&probe["OVERRIDDEN"], &probe["MAIL_FROM"]), (&"own".into(), &"sotto@example.com".into()));
    assert_eq!(probe["SECRET_KEY"].as_str().map(str::len), Some(48), "a secret and no reference to one");
    assert_eq!(probe["QUEUE"], format!("{}/{}/local-givenup", seen("SQS"), local::ACCOUNT));
    stores.stop().await;
    assert!(!directory.path().exists(), "nobody listens any more where the file says");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_answer_and_no_route_does() {
    let directory = Directory::new();
    let stores = StoreOnly::start(embedded(State::Memory, &directory.path().join("env.json"))).await.unwrap();
    let http = Http::new(stores.url());
    http.get("/echo/x").await.is(404, "Not Found");
    assert_eq!(http.get("/_local/outbox").await.json(), json!([]));
    assert_eq!(http.get("/_local/queues").await.json(), json!({"local-givenup": [], "local-tasks": []}));
    assert_eq!(http.get("/_local/cdn/cards/none.png").await.status, 403);

    let [(_, table), (_, bucket), (_, mail), ..] = stores.urls();
    let put = dynamodb(table).put_item().table_name("local-table").item("pk", AttributeValue::S("x".into()));
    put.send().await.unwrap();
    let unsigned = Http::new(bucket).get("/local-bucket/cards/none.png").await;
    assert_eq!(unsigned.status, 403, "the bucket asks for a signature");
    let mail_body = json!({
        "FromEmailAddress": "sotto@example.com",
        "Destination": {"ToAddresses": ["ann@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "there"}}}},
    });
    let sent = Http::new(mail).send("POST", "/v2/email/outbound-emails", &[], mail_body.to_string()).await;
    assert_eq!(sent.status, 200);
    assert_eq!(http.get("/_local/outbox").await.json()[0]["subject"], "Hello");
    stores.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_listen_everywhere_are_called_by_what_reaches_them() {
    let directory = Directory::new();
    let file = directory.path().join("env.json");
    let host = Ipv4Addr::UNSPECIFIED.into();
    let stores = StoreOnly::start(StoreOptions { host, ..embedded(State::Memory, &file) }).await.unwrap();
    for (store, url) in stores.urls() {
        assert!(url.starts_with("http://127.0.0.1:"), "{store}: {url}");
    }
    let seen = read(&file)["Brief"]["AWS_ENDPOINT_URL_S3"].as_str().unwrap().to_owned();
    assert!(seen.starts_with("http://host.docker.internal:"), "{seen}");
    assert!(stores.url().starts_with("http://localhost:"), "the outbox is for this machine alone");
    stores.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_elsewhere_is_called_by_its_name() {
    let (directory, other) = (Directory::new(), stack().await);
    let file = directory.path().join("env.json");
    let url = other.sqs_url().replace("127.0.0.1", "localhost");
    let endpoints = Endpoints { sqs: Some(url.clone()), ..Endpoints::default() };
    let stores = StoreOnly::start(StoreOptions { endpoints, ..embedded(State::Memory, &file) }).await.unwrap();
    let seen = read(&file)["Brief"]["AWS_ENDPOINT_URL_SQS"].as_str().unwrap().to_owned();
    assert_eq!(seen, url.replace("localhost", "host.docker.internal"), "which is this machine to a container");
    let queues = other.queues().names();
    stores.stop().await;
    assert!(other.queues().names().len() < queues.len(), "queues in memory are gone with who made them");
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_keeps_what_the_whole_stack_keeps_and_builds_nothing() {
    let workspace = Workspace::new();
    let file = workspace.path().join(".sotto/env.json");
    let run = workspace.run(&["--store-only"], &[]).await;
    let secret = read(&file)["Probe"]["SECRET_KEY"].clone();
    let url = read(&file)["Probe"]["AWS_ENDPOINT_URL_DYNAMODB"].as_str().unwrap().to_owned();
    let dynamodb = dynamodb(&url.replace("host.docker.internal", "127.0.0.1"));
    let put = dynamodb.put_item().table_name("local-table").item("pk", AttributeValue::S("kept".into()));
    put.send().await.unwrap();
    let (status, rest, said) = run.end("-TERM").await;
    assert!(status.success() && rest.is_empty(), "{status}: {rest}");
    assert!(!said.contains("Compiling") && !said.contains("Finished"), "{said}");
    assert!(said.contains(&format!("--env-vars {}\n", file.display())), "{said}");
    assert!(said.contains("AWS_ACCESS_KEY_ID=SOTTOLOCAL AWS_SECRET_ACCESS_KEY=sotto-local-secret\n"), "{said}");
    assert!(!file.exists());

    let run = workspace.run(&[], &[]).await;
    let variables = Http::new(&run.url).get("/environment").await.json()["variables"].clone();
    assert_eq!(variables["SECRET_KEY"], secret);
    let dynamodb = self::dynamodb(variables["AWS_ENDPOINT_URL_DYNAMODB"].as_str().unwrap());
    let kept = dynamodb.get_item().table_name("local-table").key("pk", AttributeValue::S("kept".into()));
    assert!(kept.send().await.unwrap().item.is_some());
    let beside = workspace.fails(&["--store-only"]).await;
    assert!(beside.contains("another local stack is using"), "{beside}");
    run.end("-TERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory_nothing_is_left_of_the_stores() {
    let workspace = Workspace::new();
    let run = workspace.run(&["--store-only", "--memory", "--parameter", "MailFrom=me@a.test"], &[]).await;
    let file = workspace.path().join(".sotto/env.json");
    assert_eq!(read(&file)["Probe"]["MAIL_FROM"], "me@a.test");
    let (status, ..) = run.end("-INT").await;
    assert!(status.success() && !workspace.path().join(".sotto").exists(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_or_can_not_be_is_said() {
    let workspace = Workspace::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, said) in [
        (&["--store-only", "--release"][..], "'--store-only' cannot be used with '--release'"),
        (&["--store-only", "--concurrency", "2"], "'--store-only' cannot be used with '--concurrency"),
        (&["--store-host", "127.0.0.2"], "--store-only"),
        (&["--store-only", "--store-host", "docker0"], "invalid IP address"),
        // RFC 5737 reserves this range for documentation, so no machine has the address.
        (&["--store-only", "--memory", "--store-host", "203.0.113.1"], "listening on 203.0.113.1: "),
        (&["--store-only", "--memory", "--port", &port], &format!("listening on 127.0.0.1:{port}: ")),
    ] {
        let error = workspace.fails(arguments).await;
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    assert!(!workspace.path().join(".sotto").exists());
}
