//! The function that the tests of the local stack run. It has its own client of the Runtime API, on the standard library.
//!
//! The first segment of the path selects what it does. By default it answers with the event itself. It prints the events of
//! streams.

#![allow(clippy::unwrap_used)] // a test fails by panicking

use serde_json::Value;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::{env, process, thread};

fn main() {
    if env::var_os("FAIL_INIT").is_some() {
        eprintln!("init fails as asked");
        process::exit(1);
    }
    // It ends with the Runtime API, as the connection breaks.
    if let Err(error) = serve() {
        eprintln!("probe: {error}");
        process::exit(1);
    }
}

fn serve() -> io::Result<()> {
    let address = env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    let mut api = Api::connect(&address)?;
    let (mut held, mut failures) = (Vec::new(), HashMap::new());
    loop {
        let (id, event) = api.call("GET", "next", b"")?;
        let records = serde_json::from_slice(&event).ok().filter(|event: &Value| event.get("Records").is_some());
        let answer = match records {
            Some(records) => take(&records, &mut failures),
            None => act(&event, &mut held),
        };
        match answer {
            Ok(answer) => api.call("POST", &format!("{id}/response"), &answer)?,
            Err(error) => api.call("POST", &format!("{id}/error"), error.as_bytes())?,
        };
    }
}

/// Prints the event. At a record with the number `fails`, it fails so many times. If the record has `reports`, it reports only
/// that record as failed, otherwise the whole batch fails.
fn take(event: &Value, failures: &mut HashMap<String, u64>) -> Result<Vec<u8>, String> {
    println!("{event}");
    if event["Records"][0]["eventSource"] == "aws:sqs" {
        return work(event);
    }
    for record in event["Records"].as_array().into_iter().flatten() {
        let (of, image) = (&record["dynamodb"], &record["dynamodb"]["NewImage"]);
        let asked = image["fails"]["N"].as_str().map_or(Ok(0), str::parse).map_err(|_| "fails is no number")?;
        let so_far = failures.entry(record["eventID"].to_string()).or_insert(0);
        if *so_far < asked {
            *so_far += 1;
            return match image.get("reports") {
                Some(_) => {
                    let failed = serde_json::json!([{"itemIdentifier": of["SequenceNumber"]}]);
                    Ok(serde_json::json!({ "batchItemFailures": failed }).to_string().into())
                }
                None => Err(r#"{"errorType":"Asked","errorMessage":"fails as asked"}"#.into()),
            };
        }
    }
    Ok(b"null".into())
}

/// Reports messages that say `fail` as failed. One that says `crash` ends the process.
fn work(event: &Value) -> Result<Vec<u8>, String> {
    let messages = event["Records"].as_array().into_iter().flatten();
    if messages.clone().any(|message| message["body"] == "crash") {
        process::exit(3);
    }
    let failed = messages.filter(|message| message["body"] == "fail");
    let failed: Vec<Value> =
        failed.map(|message| serde_json::json!({ "itemIdentifier": message["messageId"] })).collect();
    Ok(serde_json::json!({ "batchItemFailures": failed }).to_string().into())
}

/// Returns the answer to a request. It can be malformed, as that of a badly written function.
fn act(event: &[u8], held: &mut Vec<TcpStream>) -> Result<Vec<u8>, String> {
    let event: Value = serde_json::from_slice(event).map_err(|error| error.to_string())?;
    let path = event["rawPath"].as_str().unwrap_or_default();
    let query = |name: &str| event["queryStringParameters"][name].as_str().unwrap_or_default().to_owned();
    let text = |body: String| reply(&body).into_bytes();
    match path.split('/').nth(1).unwrap_or_default() {
        "crash" => {
            eprintln!("crashes as asked");
            process::exit(3);
        }
        "hang" => loop {
            thread::park();
        },
        "error" => Err(r#"{"errorType":"Asked","errorMessage":"fails as asked"}"#.into()),
        "reply" => Ok(event["body"].as_str().unwrap_or_default().into()),
        "large" => Ok(text("x".repeat(query("bytes").parse().map_err(|_| "bytes is no number")?))),
        "environment" => {
            let variables: HashMap<String, String> = env::vars().collect();
            Ok(text(serde_json::json!({"pid": process::id(), "variables": variables}).to_string()))
        }
        // Connects to the test, and is busy until the test closes the connection.
        "wait" => {
            let mut test = TcpStream::connect(query("at")).map_err(|error| error.to_string())?;
            test.read_to_end(&mut Vec::new()).map_err(|error| error.to_string())?;
            Ok(text(process::id().to_string()))
        }
        // Connects to the test, which sees by the connection when this process ends.
        "hold" => {
            held.push(TcpStream::connect(query("at")).map_err(|error| error.to_string())?);
            Ok(text(process::id().to_string()))
        }
        _ => {
            println!("echoes {path}");
            Ok(text(event.to_string()))
        }
    }
}

fn reply(body: &str) -> String {
    let reply = serde_json::json!({
        "statusCode": 200,
        "headers": {"content-type": "application/json", "access-control-allow-origin": "*"},
        "body": body,
    });
    reply.to_string()
}

struct Api {
    connection: BufReader<TcpStream>,
    host: String,
    base: String,
}

impl Api {
    fn connect(address: &str) -> io::Result<Self> {
        let address = address.trim_start_matches("http://");
        let (host, base) = address.split_once('/').unwrap_or((address, ""));
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        let base = format!("/{base}/2018-06-01/runtime/invocation");
        Ok(Self { connection: BufReader::new(stream), host: host.into(), base })
    }

    /// The request id, if any, and the body of the answer.
    fn call(&mut self, method: &str, what: &str, body: &[u8]) -> io::Result<(String, Vec<u8>)> {
        let Self { host, base, .. } = self;
        let length = body.len();
        let head = format!("{method} {base}/{what} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n");
        self.connection.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            if self.connection.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) => drop(headers.insert(name.to_ascii_lowercase(), value.to_owned())),
                None if line.trim_end().is_empty() => break,
                None => {} // the status line
            }
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body)?;
        Ok((headers.remove("lambda-runtime-aws-request-id").unwrap_or_default(), body))
    }
}
