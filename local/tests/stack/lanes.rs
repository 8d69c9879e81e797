//! A shard that is processed in several lanes: the order of records, and the position after a restart.

use crate::stores::Directory;
use crate::streams::{events, failing, item, keys, put, put_all, seen};
use crate::support::{SOON, stack};
use aws_sdk_dynamodb::types::AttributeValue;
use local::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_holds_back_its_own_items_and_few_others() {
    let directory = Directory::new();
    let stack = Stack::start(directory.options()).await.unwrap();
    put(&stack, failing("PARALLEL#stuck", 1000)).await;
    seen(&stack, "parallel", "PARALLEL#stuck").await;
    let names: Vec<String> = (0..50).map(|number| format!("PARALLEL#{number}")).collect();
    put_all(&stack, names.iter().map(|name| item(name)).collect()).await;
    // Another change of the stuck item has to wait.
    put(&stack, item("PARALLEL#stuck")).await;
    // With ten lanes, 50 items are not all in one.
    let others = async |stack: &Stack| {
        loop {
            let all = keys(stack, "parallel").into_iter().filter(|batch| !batch.contains(&"PARALLEL#stuck".into()));
            match all.collect::<Vec<_>>().concat() {
                done if done.len() >= 25 => return done,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let done = tokio::time::timeout(SOON, others(&stack)).await.expect("the others in time");
    assert!(done.iter().all(|name| names.contains(name)), "{done:?}");
    stack.stop().await;

    // After a restart the stuck record comes again: nothing is lost.
    let stack = Stack::start(directory.options()).await.unwrap();
    seen(&stack, "parallel", "PARALLEL#stuck").await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_changes_of_one_item_come_in_their_order() {
    let stack = stack().await;
    for round in 0..5 {
        for name in ["PARALLEL#a", "PARALLEL#b", "PARALLEL#c"] {
            let mut item = item(name);
            item.insert("round".into(), AttributeValue::N(format!("{round}")));
            put(&stack, item).await;
        }
    }
    put(&stack, item("PARALLEL#a")).await;
    let rounds = |name: &str| -> Vec<String> {
        let all = events(&stack, "parallel");
        let records = all.iter().flat_map(|event| event["Records"].as_array().unwrap());
        let images = records.map(|record| &record["dynamodb"]["NewImage"]).filter(|image| image["pk"]["S"] == name);
        images.filter_map(|image| image["round"]["N"].as_str().map(str::to_owned)).collect()
    };
    let all = async {
        while ["PARALLEL#a", "PARALLEL#b", "PARALLEL#c"].iter().any(|name| rounds(name).len() < 5) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, all).await.expect("all of them in time");
    for name in ["PARALLEL#a", "PARALLEL#b", "PARALLEL#c"] {
        assert_eq!(rounds(name), ["0", "1", "2", "3", "4"], "{name}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_item_comes_through_whatever_fails_beside_it() {
    let stack = stack().await;
    let names: Vec<String> = (0..99).map(|number| format!("PARALLEL#{number}")).collect();
    let items = names.iter().enumerate();
    let items = items.map(|(number, name)| if number % 7 == 0 { failing(name, 1) } else { item(name) });
    put_all(&stack, items.collect()).await;
    put(&stack, item("PARALLEL#last")).await;
    let all = async {
        while names.iter().any(|name| !keys(&stack, "parallel").concat().contains(name)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, all).await.expect("all of them in time");
    seen(&stack, "parallel", "PARALLEL#last").await;
    stack.stop().await;
}
