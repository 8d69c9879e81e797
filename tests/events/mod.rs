//! Each function's sample event, sent as the request that API Gateway would make it of, and answered as documented.
//!
//! A worker's event is of no request: what it does is tested where it has something to do (faults).

mod accounts;
mod communities;
mod docs;
mod inbox;
mod links;
mod notifications;
mod private;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::support::{Answer, Call, User, Visitor};

/// What the events say where a real request would name something that exists.
const IDEMPOTENCY_KEY: &str = "7c0f3a52-9f0e-4a37-8a52-3f4b7f0f6f10";
const USERNAME: &str = "ann_lee";
const EMAIL: &str = "ann.lee@example.com";
const PASSWORD: &str = "correct horse battery";
const CODE: &str = "482913";
const DEVICE_ID: &str = "5d0c9b1e7a3f48628c4e1f0b9d2a6735";
/// Signed by nobody.
const TOKEN: &str = concat!(
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImtpZCI6IjRmMWQ2YThjMmI3ZTkwMzUifQ.",
    "eyJpc3MiOiJzb3R0byIsImF1ZCI6InNvdHRvIiwic3ViIjoiMDE5YzMyZTQ3YzI4YTFiMmMzZDRlNWY2IiwibmFtZSI6ImFubl9sZWUiLCJkZXZpY2Ui",
    "OiI1ZDBjOWIxZTdhM2Y0ODYyOGM0ZTFmMGI5ZDJhNjczNSIsImp0aSI6ImMyYTk0ZTE3ZjA2YjRkMzg4NWUxYTdkOTBiM2Y2YzUyIiwiaWF0IjoxNzcw",
    "MzcxNDcxLCJuYmYiOjE3NzAzNzE0NzEsImV4cCI6MTc3Mjk2MzQ3MX0.Vb0yq3nTzX1oJtY5m6sW8kQfRgLhDcEaPuIvNxZwM4c",
);

/// Samples, each with what it stands for in a test.
#[derive(Default, Clone)]
struct Seeds(Vec<(&'static str, String)>);

impl Seeds {
    /// A user, as the events name one.
    fn of(user: &User) -> Seeds {
        let seeds = Seeds::default().put(USERNAME, &user.username).put(EMAIL, &user.email).put(TOKEN, &user.token);
        seeds.put(PASSWORD, &user.password).put(DEVICE_ID, &user.device)
    }

    fn put(mut self, sample: &'static str, real: &str) -> Seeds {
        self.0.push((sample, real.to_owned()));
        self
    }

    fn put_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (sample, real)| text.replace(sample, real))
    }

    /// The event of a function, with what was seeded in the place of its samples, by somebody who never sent anything.
    async fn send(&self, function: &str) -> Answer {
        self.call(function).send().await
    }

    fn for_a_page(self) -> Pages {
        Pages(self)
    }

    fn call(&self, function: &str) -> Call {
        let path = format!("{}/events/{function}.json", env!("CARGO_MANIFEST_DIR"));
        let text = self.put_in(&std::fs::read_to_string(path).expect("an event"));
        let event: Value = serde_json::from_str(&text).expect("JSON");
        let method = event["requestContext"]["http"]["method"].as_str().expect("a method").parse().expect("a method");
        let path = event["rawPath"].as_str().expect("a path");
        let query = event["rawQueryString"].as_str().expect("a query string");
        let mut call = Visitor::new().call(method, &format!("{path}?{query}"));
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

/// The same for functions that answer with a page.
struct Pages(Seeds);

impl Pages {
    async fn send(&self, function: &str) -> Answer {
        self.0.call(function).raw().await
    }
}

/// `bytes` with the first `sample` replaced, if there is one.
fn replaced(bytes: Vec<u8>, sample: &[u8], real: &[u8]) -> Vec<u8> {
    match bytes.windows(sample.len()).position(|window| window == sample) {
        Some(at) => [&bytes[..at], real, &bytes[at + sample.len()..]].concat(),
        None => bytes,
    }
}
