//! Functions on a table's stream: the events, their order, and what follows a failure.

use crate::functions::kill;
use crate::stores::{Directory, dynamodb};
use crate::support::{SOON, options, stack};
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use local::{Stack, State};
use serde_json::{Value, json};
use std::collections::HashMap;

type Item = HashMap<String, AttributeValue>;

pub fn item(key: &str) -> Item {
    [("pk".to_owned(), AttributeValue::S(key.into()))].into()
}

/// An item with a record at which the function fails so many times.
pub fn failing(key: &str, times: u32) -> Item {
    let mut item = item(key);
    item.insert("fails".into(), AttributeValue::N(times.to_string()));
    item
}

/// An item with a record that the function reports as failed so many times.
fn reported(key: &str, times: u32) -> Item {
    let mut item = failing(key, times);
    item.insert("reports".into(), AttributeValue::Bool(true));
    item
}

pub async fn put(stack: &Stack, item: Item) {
    dynamodb(stack).put_item().table_name(stack.table()).set_item(Some(item)).send().await.unwrap();
}

/// Writes items in one transaction, so that one read of the stream returns all of them.
pub async fn put_all(stack: &Stack, items: Vec<Item>) {
    let put = |item| Put::builder().table_name(stack.table()).set_item(Some(item)).build().unwrap();
    let puts = items.into_iter().map(|item| TransactWriteItem::builder().put(put(item)).build()).collect();
    dynamodb(stack).transact_write_items().set_transact_items(Some(puts)).send().await.unwrap();
}

/// The events that a function has printed so far.
pub fn events(stack: &Stack, function: &str) -> Vec<Value> {
    let lines = stack.logs().lines().into_iter().filter(|line| *line.function == *function);
    lines.filter_map(|line| serde_json::from_str(&line.text).ok()).collect()
}

fn records(event: &Value) -> &Vec<Value> {
    event["Records"].as_array().unwrap()
}

fn key(record: &Value) -> String {
    record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned()
}

/// The keys of a function's events, one list per event.
pub fn keys(stack: &Stack, function: &str) -> Vec<Vec<String>> {
    events(stack, function).iter().map(|event| records(event).iter().map(key).collect()).collect()
}

/// Waits until the function has printed something about the item.
pub async fn seen(stack: &Stack, function: &str, item: &str) {
    let wanted = format!("\"{item}\"");
    let line = stack.logs().wait(|line| *line.function == *function && line.text.contains(&wanted), SOON).await;
    assert!(line.is_some(), "{function} has not seen {item}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_have_lambdas_format() {
    let stack = stack().await;
    let mut all = item("WATCH#1");
    all.extend([
        ("text".to_owned(), AttributeValue::S("é".into())),
        ("number".to_owned(), AttributeValue::N("1.5".into())),
        ("bytes".to_owned(), AttributeValue::B(b"\x00\xff".to_vec().into())),
        ("yes".to_owned(), AttributeValue::Bool(true)),
        ("nothing".to_owned(), AttributeValue::Null(true)),
        ("texts".to_owned(), AttributeValue::Ss(vec!["a".into()])),
        ("numbers".to_owned(), AttributeValue::Ns(vec!["7".into()])),
        ("blobs".to_owned(), AttributeValue::Bs(vec![b"\xff".to_vec().into()])),
        ("list".to_owned(), AttributeValue::L(vec![AttributeValue::M(item("inner"))])),
    ]);
    put(&stack, item("OTHER#1")).await;
    put(&stack, all).await;
    put(&stack, item("WATCH#1")).await;
    let delete = dynamodb(&stack).delete_item().table_name(stack.table()).set_key(Some(item("WATCH#1")));
    delete.send().await.unwrap();
    put(&stack, item("WATCH#last")).await;
    seen(&stack, "watcher", "WATCH#last").await;

    let events = events(&stack, "watcher");
    let records: Vec<&Value> = events.iter().flat_map(records).collect();
    let named: Vec<_> = records.iter().map(|record| (record["eventName"].as_str().unwrap(), key(record))).collect();
    let one = || "WATCH#1".to_owned();
    let expected = [("INSERT", one()), ("MODIFY", one()), ("REMOVE", one()), ("INSERT", "WATCH#last".to_owned())];
    assert_eq!(named, expected);

    let first = records[0];
    for (member, value) in [("eventVersion", "1.1"), ("eventSource", "aws:dynamodb"), ("awsRegion", local::REGION)] {
        assert_eq!(first[member], value);
    }
    let arn = format!("arn:aws:dynamodb:{}:{}:table/{}/stream/", local::REGION, local::ACCOUNT, stack.table());
    assert!(first["eventSourceARN"].as_str().unwrap().starts_with(&arn), "{first}");
    assert!(first["eventID"].as_str().is_some_and(|id| !id.is_empty()) && first.get("userIdentity").is_none());
    let of = &first["dynamodb"];
    assert_eq!(of["Keys"], json!({"pk": {"S": "WATCH#1"}}));
    let image = json!({
        "pk": {"S": "WATCH#1"},
        "text": {"S": "é"},
        "number": {"N": "1.5"},
        "bytes": {"B": "AP8="},
        "yes": {"BOOL": true},
        "nothing": {"NULL": true},
        "texts": {"SS": ["a"]},
        "numbers": {"NS": ["7"]},
        "blobs": {"BS": ["/w=="]},
        "list": {"L": [{"M": {"pk": {"S": "inner"}}}]},
    });
    assert_eq!((&of["NewImage"], of.get("OldImage")), (&image, None));
    assert_eq!(of["StreamViewType"], "NEW_IMAGE");
    assert!(of["ApproximateCreationDateTime"].as_i64().is_some_and(|at| at > 1_700_000_000));
    assert!(of["SizeBytes"].as_i64().is_some_and(|bytes| bytes > 0));
    assert!(of["SequenceNumber"].as_str().is_some_and(|number| number.len() >= 21));
    assert_eq!(records[2]["dynamodb"].get("NewImage"), None);
    // Events of streams are no routes.
    assert!(stack.routes().iter().all(|route| !route.contains("Changes")));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_have_as_many_records_as_they_may_and_keep_their_order() {
    let stack = stack().await;
    let names: Vec<String> = (0..25).map(|number| format!("WATCH#{number:02}")).collect();
    put_all(&stack, names.iter().map(|name| item(name)).collect()).await;
    seen(&stack, "watcher", "WATCH#24").await;
    let batches = keys(&stack, "watcher");
    assert!(batches.iter().all(|batch| batch.len() <= 10), "{batches:?}");
    assert_eq!(batches.concat().len(), 25);
    if std::env::var_os("AWS_ENDPOINT_URL_DYNAMODB").is_none() {
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
        assert_eq!(batches.concat(), names);
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_batch_comes_again_until_it_succeeds_and_what_follows_waits() {
    let stack = stack().await;
    put(&stack, failing("WATCH#bad", 3)).await;
    seen(&stack, "watcher", "WATCH#bad").await;
    put(&stack, item("WATCH#next")).await;
    seen(&stack, "watcher", "WATCH#next").await;
    let all = keys(&stack, "watcher").concat();
    assert_eq!(all, ["WATCH#bad", "WATCH#bad", "WATCH#bad", "WATCH#bad", "WATCH#next"]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_sends_back_only_what_comes_after_the_first_failure() {
    let stack = stack().await;
    let names = ["WATCH#a", "WATCH#b", "WATCH#c", "WATCH#d"];
    let items = names.map(|name| if name == "WATCH#c" { reported(name, 2) } else { item(name) });
    put_all(&stack, items.into()).await;
    seen(&stack, "watcher", "WATCH#d").await;
    put(&stack, item("WATCH#last")).await;
    seen(&stack, "watcher", "WATCH#last").await;
    let batches = keys(&stack, "watcher");
    let count = |name: &str| batches.iter().filter(|batch| batch.iter().any(|key| key == name)).count();
    assert_eq!(count("WATCH#c"), 3, "{batches:?}");
    for batch in &batches[1..] {
        assert_ne!(batch[0], batches[0][0], "what was before the failure is done: {batches:?}");
    }
    if std::env::var_os("AWS_ENDPOINT_URL_DYNAMODB").is_none() {
        assert_eq!(batches[0], names);
        assert_eq!(names.map(count), [1, 1, 3, 3]);
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bisecting_finds_the_failing_record_which_is_discarded_and_reported_without_its_data() {
    let stack = stack().await;
    let secret = "BISECT#secret";
    let names = (0..8).map(|number| format!("BISECT#{number}"));
    let items = names.map(|name| if name == "BISECT#5" { failing(secret, 1000) } else { item(&name) });
    put_all(&stack, items.collect()).await;
    let discarded = stack.logs().wait(|line| line.text.contains("discarded"), SOON).await.expect("an end in time");
    assert_eq!(discarded, "Changes: discarded 1 of the stream's records: the function failed too often");
    let report = async {
        loop {
            match &stack.queue("GivenUp")[..] {
                [] => tokio::task::yield_now().await,
                [message] => return message.body.clone(),
                more => panic!("{more:?}"),
            }
        }
    };
    let report = tokio::time::timeout(SOON, report).await.expect("a message in time");
    assert!(!report.contains("secret"), "{report}");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert!(
        report["requestContext"]["functionArn"].as_str().is_some_and(|arn| arn.ends_with("-bisecting")),
        "{report}"
    );
    put(&stack, item("BISECT#after")).await;
    seen(&stack, "bisecting", "BISECT#after").await;
    let batches = keys(&stack, "bisecting");
    let poisoned = |event: &&Value| records(event).iter().any(|record| key(record) == secret);
    let asked = events(&stack, "bisecting");
    let asked: Vec<&Value> = asked.iter().filter(poisoned).collect();
    assert_eq!(report["requestContext"]["approximateInvokeCount"], asked.len());
    let place = &records(asked.last().unwrap())[0];
    for (end, arrival) in [("start", "First"), ("end", "Last")] {
        assert_eq!(report["DDBStreamBatchInfo"][format!("{end}SequenceNumber")], place["dynamodb"]["SequenceNumber"]);
        let arrival = &report["DDBStreamBatchInfo"][format!("approximateArrivalOf{arrival}Record")];
        assert!(arrival.as_str().is_some_and(|at| at.len() == "2026-01-01T00:00:00Z".len()), "{report}");
    }
    assert_eq!(report["DDBStreamBatchInfo"]["streamArn"], place["eventSourceARN"]);
    assert_eq!(report["DDBStreamBatchInfo"]["batchSize"], 1);
    let alone = batches.iter().filter(|batch| *batch == &[secret]).count();
    assert_eq!(alone, 2, "one try and one retry: {batches:?}");
    for number in [0, 1, 2, 3, 4, 6, 7] {
        let name = format!("BISECT#{number}");
        let taken = batches.iter().any(|batch| batch.contains(&name) && !batch.iter().any(|key| key == secret));
        assert!(taken, "{name}: {batches:?}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_lags_holds_no_other_back_and_each_goes_on_where_it_was() {
    let directory = Directory::new();
    let stack = Stack::start(directory.options()).await.unwrap();
    put(&stack, failing("WATCH#stuck", 1000)).await;
    seen(&stack, "watcher", "WATCH#stuck").await;
    put(&stack, item("WATCH#behind")).await;
    for name in ["BISECT#done", "BISECT#settled"] {
        put(&stack, item(name)).await;
        seen(&stack, "bisecting", name).await;
    }
    assert!(!keys(&stack, "watcher").concat().contains(&"WATCH#behind".to_owned()));
    stack.stop().await;

    let stack = Stack::start(directory.options()).await.unwrap();
    put(&stack, item("BISECT#after")).await;
    seen(&stack, "bisecting", "BISECT#after").await;
    seen(&stack, "watcher", "WATCH#stuck").await;
    let again = keys(&stack, "bisecting").concat();
    assert!(!again.contains(&"BISECT#done".to_owned()), "{again:?}");
    // Records that have piled up go into one batch.
    seen(&stack, "watcher", "WATCH#behind").await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_the_stack_was() {
    let directory = Directory::new();
    let stack = Stack::start(directory.options()).await.unwrap();
    put(&stack, item("WATCH#before")).await;
    put(&stack, item("OTHER#before")).await;
    put(&stack, item("WATCH#before2")).await;
    seen(&stack, "watcher", "WATCH#before2").await;
    // A batch whose answer was not seen yet comes again. So another record has to be done first.
    put(&stack, item("WATCH#settled")).await;
    seen(&stack, "watcher", "WATCH#settled").await;
    stack.stop().await;

    let stack = Stack::start(directory.options()).await.unwrap();
    put(&stack, item("WATCH#after")).await;
    seen(&stack, "watcher", "WATCH#after").await;
    let all = keys(&stack, "watcher").concat();
    assert!(!all.iter().any(|key| key.starts_with("WATCH#before")), "{all:?}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_dies_with_its_batch_gets_it_again() {
    let stack = stack().await;
    put(&stack, failing("WATCH#stuck", 1000)).await;
    seen(&stack, "watcher", "WATCH#stuck").await;
    let pid = stack.instances("watcher")[0];
    kill("-KILL", &pid.to_string());
    let other = async {
        while stack.instances("watcher").iter().all(|alive| *alive == pid) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, other).await.expect("a fresh instance in time");
    // The stack stops although records are left.
    tokio::time::timeout(SOON, stack.stop()).await.expect("an end in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_that_is_not_known_stops_the_start() {
    let directory = Directory::new();
    let wrong = options(State::Memory);
    let text =
        std::fs::read_to_string(&wrong.template).unwrap().replace(r#"{"prefix":"BISECT#"}"#, r#"{"wildcard":"B*"}"#);
    let error = Stack::start(directory.with_template(wrong, &text)).await.err().expect("it must not start").to_string();
    assert!(error.contains("Bisecting: Changes: FilterCriteria") && error.contains("wildcard"), "{error}");
}
