//! A stream with several shards. The embedded DynamoDB always has one shard, so this test has its own DynamoDB Streams.

use crate::support::{SOON, options};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use local::{Endpoints, Options, Stack, State};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// The shards, in the order in which they are described.
struct Shards {
    /// Id, parent, numbers of records, whether it has ended.
    all: Vec<(&'static str, Option<&'static str>, Vec<u32>, bool)>,
    /// The shards whose first read was answered with an error.
    failed: HashMap<String, bool>,
    /// How often each record was read.
    given: HashMap<u32, u32>,
}

type Answer = Result<Value, &'static str>;

impl Shards {
    fn answer(&mut self, operation: &str, asked: &Value) -> Answer {
        match operation {
            "DescribeStream" => Ok(self.describe(asked)),
            "GetShardIterator" => {
                let shard = asked["ShardId"].as_str().unwrap();
                let after = match asked["ShardIteratorType"].as_str().unwrap() {
                    "TRIM_HORIZON" => 0,
                    "AFTER_SEQUENCE_NUMBER" => asked["SequenceNumber"].as_str().unwrap().parse::<u32>().unwrap(),
                    other => panic!("{other}"),
                };
                Ok(json!({"ShardIterator": format!("{shard}/{after}")}))
            }
            "GetRecords" => self.records(asked["ShardIterator"].as_str().unwrap()),
            other => panic!("{other}"),
        }
    }

    /// One shard per page.
    fn describe(&self, asked: &Value) -> Value {
        let after = asked["ExclusiveStartShardId"].as_str();
        let place = after.map_or(0, |after| self.all.iter().position(|(id, ..)| *id == after).unwrap() + 1);
        let (id, parent, _, _) = &self.all[place];
        let mut shard = json!({"ShardId": id, "SequenceNumberRange": {"StartingSequenceNumber": "1"}});
        // Every shard has an end in its description, as in dynoxide.
        shard["SequenceNumberRange"]["EndingSequenceNumber"] = "9".into();
        shard["ParentShardId"] = (*parent).into();
        let mut description = json!({"Shards": [shard]});
        if place + 1 < self.all.len() {
            description["LastEvaluatedShardId"] = (*id).into();
        }
        json!({"StreamDescription": description})
    }

    /// One record per page.
    fn records(&mut self, iterator: &str) -> Answer {
        let (shard, after) = iterator.split_once('/').unwrap();
        let after: u32 = after.parse().unwrap();
        // In the middle of a shard, its iterator expires once.
        if after > 0 && !std::mem::replace(self.failed.entry(shard.into()).or_default(), true) {
            return Err("ExpiredIteratorException");
        }
        let (_, _, records, has_ended) = self.all.iter().find(|(id, ..)| *id == shard).unwrap();
        match records.iter().find(|number| **number > after) {
            None if *has_ended => Ok(json!({"Records": []})),
            None => Ok(json!({"Records": [], "NextShardIterator": iterator})),
            Some(number) => {
                *self.given.entry(*number).or_default() += 1;
                Ok(json!({
                "Records": [{
                    "eventID": number.to_string(),
                    "eventName": "INSERT",
                    "dynamodb": {
                        "ApproximateCreationDateTime": 1.8e9,
                        "Keys": {"pk": {"S": format!("WATCH#{number}")}},
                        "SequenceNumber": number.to_string(),
                        "SizeBytes": 3,
                        "StreamViewType": "NEW_IMAGE",
                    },
                    "userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
                }],
                "NextShardIterator": format!("{shard}/{number}"),
                }))
            }
        }
    }
}

/// Serves the shards. Returns the URL.
async fn serve(shards: Arc<Mutex<Shards>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shards = shards.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let shards = shards.clone();
                async move { Ok::<_, Infallible>(answer(&shards, request).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    url
}

async fn answer(shards: &Mutex<Shards>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request.headers()["x-amz-target"].to_str().unwrap().to_owned();
    let operation = target.strip_prefix("DynamoDBStreams_20120810.").unwrap();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let asked = serde_json::from_slice(&body).unwrap();
    let answer = shards.lock().unwrap().answer(operation, &asked);
    let (status, body) = match answer {
        Ok(answer) => (StatusCode::OK, answer),
        Err(kind) => (StatusCode::BAD_REQUEST, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}")})),
    };
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shard_is_read_once_and_a_child_after_its_parent() {
    let shards = Arc::new(Mutex::new(Shards {
        all: vec![
            ("shardId-child", Some("shardId-parent"), vec![40, 50], true),
            ("shardId-other", Some("shardId-gone"), vec![15], false),
            ("shardId-parent", None, vec![10, 20, 30], true),
        ],
        failed: HashMap::new(),
        given: HashMap::new(),
    }));
    let endpoints = Endpoints { streams: Some(serve(shards.clone()).await), ..Endpoints::from_env() };
    let stack = Stack::start(Options { endpoints, ..options(State::Memory) }).await.unwrap();
    let seen = async |number: u32| {
        let wanted = format!("\"WATCH#{number}\"");
        stack.logs().wait(|line| line.text.contains(&wanted), SOON).await.expect("the record in time")
    };
    seen(50).await;
    // A new shard, and one more record of an open shard.
    shards.lock().unwrap().all.push(("shardId-late", Some("shardId-child"), vec![60], false));
    shards.lock().unwrap().all[1].2.push(70);
    let last = seen(60).await;
    seen(70).await;

    let events = stack.logs().lines().into_iter().filter(|line| &*line.function == "watcher");
    let events: Vec<Value> = events.filter_map(|line| serde_json::from_str(&line.text).ok()).collect();
    let records: Vec<&Value> = events.iter().flat_map(|event| event["Records"].as_array().unwrap()).collect();
    let numbers: Vec<u32> = records.iter().map(|record| record["eventID"].as_str().unwrap().parse().unwrap()).collect();
    let of_family: Vec<u32> = numbers.iter().copied().filter(|number| number % 10 == 0 && *number < 70).collect();
    assert_eq!(of_family, [10, 20, 30, 40, 50, 60]);
    assert_eq!(numbers.len(), 8, "{numbers:?}");
    // Each record is read once for both mappings.
    let given = shards.lock().unwrap().given.clone();
    assert!(given.len() == 8 && given.values().all(|times| *times == 1), "{given:?}");
    let last: Value = serde_json::from_str(&last).unwrap();
    let removed_by = json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
    assert_eq!(last["Records"][0]["userIdentity"], removed_by);
    stack.stop().await;
}
