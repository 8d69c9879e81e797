//! Each function's sample event, sent as the request that API Gateway would make it of, and answered as expected.
//!
//! Every answer is a success, as the API document describes it. A row of `EXPECTED` says more of it. An event may name whatever its
//! family's seeds provide. The effects of a request are tested in its family's directory.

mod expected;
mod seeds;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::{Answer, Call, Client, stack_or_skip, template};
use expected::EXPECTED;

/// The answer to a function's event, which is as expected.
pub async fn send(function: &str) -> Answer {
    let seeds = seeds::of(function).await;
    let call = seeds.call(function);
    let Some((_, status, expected)) = EXPECTED.iter().find(|(name, ..)| *name == function) else {
        let answer = call.send().await;
        assert!(answer.status < 300, "{function}: {}", answer.text());
        return answer;
    };
    let expected = seeds.put_in(expected);
    // A page is no JSON.
    if expected.starts_with('<') {
        let answer = call.raw().await;
        assert!(answer.status == *status && answer.text().contains(&expected), "{function}: {}", answer.text());
        return answer;
    }
    let answer = call.send().await;
    let body = answer.ok(*status);
    let expected: Value = serde_json::from_str(&expected).unwrap_or_else(|e| panic!("{function}: {e}"));
    assert!(has(&body, &expected), "{function}: {body} has not {expected}");
    answer
}

/// Whether `body` has all fields of `expected`, with the same values. Lists are as long as expected.
fn has(body: &Value, expected: &Value) -> bool {
    match (body, expected) {
        (Value::Object(body), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| body.get(name).is_some_and(|found| has(found, value)))
        }
        (Value::Array(body), Value::Array(expected)) => {
            body.len() == expected.len() && body.iter().zip(expected).all(|(body, expected)| has(body, expected))
        }
        _ => body == expected,
    }
}

async fn send_all(family: &str) {
    let functions = template::functions().into_iter().filter(|function| function.family() == family);
    let functions: Vec<String> = functions.map(|function| function.name).collect();
    assert!(!functions.is_empty(), "there is no family {family}");
    for function in functions {
        send(&function).await;
    }
}

/// A test for each family, so that they run side by side.
macro_rules! families {
    ($($family:ident)+) => {
        $(
            #[tokio::test]
            async fn $family() {
                send_all(stringify!($family)).await;
            }
        )+

        #[test]
        fn each_event_is_sent() {
            for function in template::functions() {
                let family = function.family();
                let is_sent = [$(stringify!($family)),+].contains(&&*family) || function.routes.is_empty();
                assert!(is_sent, "tests/events/mod.rs: add {family} to families!");
            }
        }
    };
}

families!(accounts inbox links private communities notifications docs);

/// Here a worker finds nothing to do. Other tests show its work.
#[tokio::test]
async fn workers() {
    let Some(stack) = stack_or_skip("invokes a worker") else { return };
    for function in template::functions().into_iter().filter(|function| function.routes.is_empty()) {
        let event = std::fs::read_to_string(path(&function.name)).expect("an event");
        let answer = stack.invoke(&function.name, event).await.expect("an answer");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{}", function.name);
    }
}

fn path(function: &str) -> String {
    format!("{}/events/{function}.json", env!("CARGO_MANIFEST_DIR"))
}

/// Samples, each with what it stands for in a test.
#[derive(Default, Clone)]
struct Seeds(Vec<(&'static str, String)>);

impl Seeds {
    fn put(mut self, sample: &'static str, real: &str) -> Seeds {
        self.0.push((sample, real.to_owned()));
        self
    }

    fn put_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (sample, real)| text.replace(sample, real))
    }

    /// The event of a function, with what was seeded in the place of its samples, from an address that never sent anything.
    fn call(&self, function: &str) -> Call {
        let text = self.put_in(&std::fs::read_to_string(path(function)).expect("an event"));
        let event: Value = serde_json::from_str(&text).expect("JSON");
        let method = event["requestContext"]["http"]["method"].as_str().expect("a method").parse().expect("a method");
        let path = event["rawPath"].as_str().expect("a path");
        let query = event["rawQueryString"].as_str().expect("a query string");
        let mut call = Client::new().call(method, &format!("{path}?{query}"));
        for (name, value) in event["headers"].as_object().expect("headers") {
            if !name.starts_with("x-") && name != "host" && name != "content-length" {
                call = call.header(name, value.as_str().expect("a value"));
            }
        }
        let body = event["body"].as_str().unwrap_or_default();
        match event["isBase64Encoded"].as_bool().expect("true or false") {
            false => call.body(body),
            true => {
                let bytes = BASE64_STANDARD.decode(body).expect("base64");
                let put_in =
                    |bytes, (sample, real): &(&str, String)| replaced(bytes, sample.as_bytes(), real.as_bytes());
                call.body(self.0.iter().fold(bytes, put_in))
            }
        }
    }
}

/// `bytes` with the first `sample` replaced, if there is one.
fn replaced(bytes: Vec<u8>, sample: &[u8], real: &[u8]) -> Vec<u8> {
    match bytes.windows(sample.len()).position(|window| window == sample) {
        Some(at) => [&bytes[..at], real, &bytes[at + sample.len()..]].concat(),
        None => bytes,
    }
}
