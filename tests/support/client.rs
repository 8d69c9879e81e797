//! A client on the internet with an IP address of its own.

use std::future::Future;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use uuid::Uuid;

use super::documented::DocumentedRequest;
use super::{Answer, base, eventually};

thread_local! {
    /// Each test has its own thread and runtime, so its connections can't be shared.
    static HTTP: reqwest::Client = http_client();
}

/// An HTTP client with its own connections. It uses TLS when `BASE_URL` begins with `https:`.
pub fn http_client() -> reqwest::Client {
    // It fails only when a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy();
    let builder = match std::env::var("BASE_URL").is_ok_and(|url| url.starts_with("https:")) {
        true => builder,
        // Each test would read the system's root certificates again.
        false => builder.tls_certs_only([]),
    };
    builder.build().expect("an HTTP client")
}

/// The URL at which the tests reach an object that an answer names. A rehearsed deployment has no CDN: scripts/stand-in.py
/// serves its objects under `/_local/cdn/`.
fn seen_from_here(url: &str) -> String {
    let (base, card) = (base(), url.split_once(".cloudfront.net/"));
    match card {
        Some((_, path)) if base.starts_with("http:") => format!("{base}/_local/cdn/{path}"),
        _ => url.to_owned(),
    }
}

#[derive(Clone)]
pub struct Client {
    pub address: String,
}

impl Client {
    /// A client with an IPv4 address that no other client has in this run.
    pub fn new() -> Client {
        static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(Uuid::new_v4().as_u128() as u32));
        let [_, b, c, d] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Client::at(&format!("10.{b}.{c}.{d}"))
    }

    pub fn at(address: &str) -> Client {
        Client { address: address.to_owned() }
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        let request = HTTP.with(|http| http.request(method, format!("{}{path}", base())));
        Call(request.header("x-sotto-local-source-ip", &self.address))
    }

    /// Stores bytes at the URL that an answer gave, with exactly these headers.
    pub async fn put<'h>(url: &str, headers: impl Iterator<Item = (&'h str, &'h str)>, bytes: &[u8]) -> Answer {
        let call = Call(HTTP.with(|http| http.put(url))).body(bytes);
        headers.fold(call, |call, (name, value)| call.header(name, value)).raw().await
    }

    /// The public answer to an empty request to this URL.
    pub async fn request(method: &str, url: &str) -> Answer {
        let method = method.parse::<Method>().expect("a method");
        Call(HTTP.with(|http| http.request(method, seen_from_here(url)))).raw().await
    }

    /// The public answer to a request for some bytes of this URL.
    pub async fn part(url: &str, range: &str) -> Answer {
        Call(HTTP.with(|http| http.get(seen_from_here(url)))).header("range", range).raw().await
    }

    /// The public answer to a GET of a URL that an answer gave: without credentials, and without checks of its headers.
    pub async fn fetch(url: &str) -> Answer {
        Call(HTTP.with(|http| http.get(seen_from_here(url)))).raw().await
    }

    /// The same, as a page of this origin asks for it.
    pub async fn fetch_from(url: &str, origin: &str) -> Answer {
        Call(HTTP.with(|http| http.get(seen_from_here(url)))).header("origin", origin).raw().await
    }
}

pub struct Call(RequestBuilder);

impl Call {
    pub fn json(self, body: &Value) -> Call {
        self.bytes("application/json", body.to_string())
    }

    pub fn bytes(self, content_type: &str, body: impl Into<Vec<u8>>) -> Call {
        self.header("content-type", content_type).body(body)
    }

    /// A body without a content type.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Call {
        Call(self.0.body(body.into()))
    }

    pub fn form(self, form: reqwest::multipart::Form) -> Call {
        Call(self.0.multipart(form))
    }

    pub fn header(self, name: &str, value: &str) -> Call {
        let name: HeaderName = name.parse().expect("a header name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        Call(self.0.header(name, value))
    }

    pub fn key(self, idempotency_key: &str) -> Call {
        self.header("idempotency-key", idempotency_key)
    }

    pub fn bearer(self, token: &str) -> Call {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends the request to a function. Checks every answer against the documented headers and against openapi.json.
    pub async fn send(self) -> Answer {
        let (client, request) = self.0.build_split();
        let request = request.expect("a request");
        let (asked, path) = (DocumentedRequest::of(&request), request.url().path().to_owned());
        let answer = Call(RequestBuilder::from_parts(client, request)).raw().await;
        answer.assert_documented_headers(&path);
        asked.inspect(|asked| asked.assert_documented(&answer));
        answer
    }

    /// Sends the request without these checks: to the gateway itself, or to a card's URL.
    pub async fn raw(self) -> Answer {
        let started = Instant::now();
        let response = self.0.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a whole answer").to_vec();
        Answer { status, headers, body, took: started.elapsed() }
    }
}

/// Sends until a request is accepted, which must happen within the `wait` seconds of the last `Retry-After`. `refused` checks
/// each refusal. Returns the time at which the accepted request was sent.
pub async fn wait_until_accepted(
    wait: u64,
    mut send: impl AsyncFnMut() -> Answer,
    refused: impl Fn(&Answer),
) -> Instant {
    let (told, wait) = (Instant::now(), Duration::from_secs(wait));
    eventually("an accepted one", wait + Duration::from_secs(4), async || {
        let (asked, answer) = (Instant::now(), send().await);
        if answer.status == 201 {
            return Some(asked);
        }
        refused(&answer);
        assert!(asked.duration_since(told) < wait, "still refused after Retry-After");
        // Two requests a second, so that polling does not count as a flood.
        eventually("a moment", Duration::from_secs(1), async || (asked.elapsed().as_millis() > 500).then_some(()))
            .await;
        None
    })
    .await
}

/// Runs all of them concurrently. Returns their results in the given order.
pub async fn all_at_once<T, F>(calls: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let running: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::with_capacity(running.len());
    for task in running {
        done.push(task.await.expect("a task that does not panic"));
    }
    done
}
