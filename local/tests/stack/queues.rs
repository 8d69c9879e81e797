//! The embedded SQS: the real SDK, and the page for people.

use crate::stores::Directory;
use crate::streams::events;
use crate::support::{Http, SOON, options, stack};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName as Attribute};
use local::{Endpoints, Options, Stack, State};
use serde_json::{Value, json};
use std::time::Duration;

fn sqs(stack: &Stack) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&stack.sdk_config(stack.sqs_url()))
}

/// The URL of the template's queue, by its name.
async fn url(stack: &Stack) -> String {
    let named = sqs(stack).get_queue_url().queue_name(stack.queue_name("GivenUp").unwrap()).send().await;
    named.unwrap().queue_url.unwrap()
}

async fn send(stack: &Stack, body: &str) -> String {
    let sent = sqs(stack).send_message().queue_url(url(stack).await).message_body(body).send().await.unwrap();
    sent.message_id.unwrap()
}

fn bodies(stack: &Stack) -> Vec<String> {
    stack.queue("GivenUp").into_iter().map(|message| message.body).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_as_the_template_says_and_the_sdk_works_with_it() {
    let stack = stack().await;
    let (sqs, url) = (sqs(&stack), url(&stack).await);
    let text = "given up: \"\u{e9}\u{1f600}\"\n";
    let sent = sqs.send_message().queue_url(&url).message_body(text).send().await.unwrap();
    send(&stack, "second").await;
    let attributes = async || {
        let all = sqs.get_queue_attributes().queue_url(&url).attribute_names(Attribute::All).send().await.unwrap();
        all.attributes.unwrap()
    };
    for (name, value) in [
        (Attribute::MessageRetentionPeriod, "1209600"),
        (Attribute::VisibilityTimeout, "60"),
        (Attribute::MaximumMessageSize, "1048576"),
        (Attribute::ApproximateNumberOfMessages, "2"),
        (Attribute::ApproximateNumberOfMessagesNotVisible, "0"),
    ] {
        assert_eq!(attributes().await[&name], value, "{name}");
    }
    let receive = sqs.receive_message().queue_url(&url).wait_time_seconds(1).visibility_timeout(30);
    let received = receive.message_system_attribute_names(MessageSystemAttributeName::All).send().await.unwrap();
    let [message] = received.messages() else { panic!("{received:?}") };
    assert_eq!((message.body(), message.message_id()), (Some(text), sent.message_id()));
    assert_eq!((message.md5_of_body(), message.md5_of_body().map(str::len)), (sent.md5_of_message_body(), Some(32)));
    assert_eq!(message.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(attributes().await[&Attribute::ApproximateNumberOfMessagesNotVisible], "1");
    // Looking into the queue doesn't receive a message.
    assert_eq!(bodies(&stack), [text, "second"]);
    sqs.delete_message().queue_url(&url).receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
    assert_eq!(bodies(&stack), ["second"]);
    sqs.purge_queue().queue_url(&url).send().await.unwrap();
    assert!(bodies(&stack).is_empty());
    let listed = sqs.list_queues().queue_name_prefix(stack.queue_name("GivenUp").unwrap()).send().await.unwrap();
    assert_eq!(listed.queue_urls(), [url]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sqs_would_refuse_is_refused_by_its_name() {
    let stack = stack().await;
    let (sqs, url) = (sqs(&stack), url(&stack).await);
    let long = "x".repeat(1_048_577);
    let send = |body: &str| sqs.send_message().queue_url(&url).message_body(body).send();
    let elsewhere = sqs.receive_message().queue_url(format!("{url}s")).send().await.unwrap_err().into_service_error();
    assert!(elsewhere.is_queue_does_not_exist(), "{elsewhere:?}");
    assert!(send("\u{1}").await.unwrap_err().into_service_error().is_invalid_message_contents());
    for (what, error) in [("long", send(&long).await.unwrap_err()), ("empty", send("").await.unwrap_err())] {
        assert_eq!(error.code(), Some("InvalidParameterValue"), "{what}");
    }
    for (most, wait) in [(0, 0), (11, 0), (1, 21)] {
        let receive = sqs.receive_message().queue_url(&url).max_number_of_messages(most).wait_time_seconds(wait);
        assert_eq!(receive.send().await.unwrap_err().code(), Some("InvalidParameterValue"));
    }
    let batch = sqs.delete_message_batch().queue_url(&url).set_entries(Some(Vec::new())).send().await.unwrap_err();
    assert!(batch.into_service_error().is_unsupported_operation());
    assert!(bodies(&stack).is_empty());
    let http = Http::new(stack.sqs_url());
    let garbled = http.send("POST", "/", &[("x-amz-target", "AmazonSQS.SendMessage")], "{").await;
    assert_eq!(
        (garbled.status.as_u16(), garbled.header("x-amzn-query-error")),
        (400, Some("InvalidParameterValue;Sender"))
    );
    assert_eq!(http.get("/").await.status, 400);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_shows_what_is_in_the_queues() {
    let stack = stack().await;
    let (http, name) = (Http::new(stack.url()), stack.queue_name("GivenUp").unwrap());
    assert_eq!(http.get("/_local/queues").await.json(), json!({ name: [], stack.queue_name("Tasks").unwrap(): [] }));
    let id = send(&stack, "{}").await;
    let answer = http.get("/_local/queues").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let shown = &answer.json()[name][0];
    assert_eq!((&shown["id"], &shown["body"], &shown["received"]), (&json!(id), &json!("{}"), &json!(0)));
    assert_eq!(shown["at"].as_str().map(str::len), Some("2026-01-01T00:00:00.000Z".len()));
    http.send("POST", "/_local/queues", &[], "").await.is(404, "Not Found");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_keeps_the_queues() {
    let directory = Directory::new();
    let stack = Stack::start(directory.options()).await.unwrap();
    send(&stack, "kept").await;
    stack.stop().await;
    let stack = Stack::start(directory.options()).await.unwrap();
    assert_eq!(bodies(&stack), ["kept"]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_sqs_takes_the_embedded_ones_place_and_is_left_as_it_was() {
    let other = stack().await;
    let endpoints = Endpoints { sqs: Some(format!("{}/", other.sqs_url())), ..Endpoints::from_env() };
    let stack = Stack::start(Options { endpoints, ..options(State::Memory) }).await.unwrap();
    assert_eq!(stack.sqs_url(), other.sqs_url());
    let name = stack.queue_name("GivenUp").unwrap().to_owned();
    send(&stack, "elsewhere").await;
    assert_eq!((bodies(&stack).len(), other.queues().messages(&name).len()), (0, 1));
    assert!(bodies(&other).is_empty());
    tokio::time::timeout(SOON, stack.stop()).await.expect("an end in time");
    assert_eq!(other.queues().names(), ["GivenUp", "Tasks"].map(|id| other.queue_name(id).unwrap()));
    other.stop().await;
}

/// Sends a task, and returns the events that the function has printed once `is_enough`.
async fn worked(stack: &Stack, bodies: &[&str], is_enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let sqs = sqs(stack);
    let named = sqs.get_queue_url().queue_name(stack.queue_name("Tasks").unwrap()).send().await.unwrap();
    for body in bodies {
        sqs.send_message().queue_url(named.queue_url().unwrap()).message_body(*body).send().await.unwrap();
    }
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let messages: Vec<Value> =
            events(stack, "worker").iter().flat_map(|event| event["Records"].as_array().unwrap().clone()).collect();
        if is_enough(&messages) {
            return messages;
        }
        assert!(tokio::time::Instant::now() < deadline, "{messages:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn count(messages: &[Value], body: &str) -> usize {
    messages.iter().filter(|message| message["body"] == body).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_wakes_its_function_and_keeps_only_what_the_function_reports() {
    let stack = stack().await;
    let messages = worked(&stack, &["one", "fail", "two"], |messages| count(messages, "fail") == 3).await;
    assert_eq!((count(&messages, "one"), count(&messages, "two")), (1, 1));
    let first = messages.iter().find(|message| message["body"] == "fail").unwrap();
    assert_eq!(
        (&first["eventSource"], &first["attributes"]["ApproximateReceiveCount"]),
        (&json!("aws:sqs"), &json!("1"))
    );
    // It was received three times, as often as it can be.
    let deadline = tokio::time::Instant::now() + SOON;
    while bodies(&stack) != ["fail"] {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", bodies(&stack));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(stack.queue("Tasks").is_empty());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_function_crashes_comes_again() {
    let stack = stack().await;
    worked(&stack, &["crash"], |messages| count(messages, "crash") == 2).await;
    let after = worked(&stack, &["one"], |messages| count(messages, "one") == 1).await;
    assert!(count(&after, "crash") >= 2);
    stack.stop().await;
}
