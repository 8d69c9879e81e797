//! The gateway: requests, and the function's answers.

use crate::support::{Http, SOON, stack};
use base64::Engine;
use local::Stack;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MEGABYTE: usize = 1024 * 1024;

async fn started() -> (Stack, Http) {
    let stack = stack().await;
    let http = Http::new(stack.url());
    (stack, http)
}

/// Sends bytes as they are and reads until the connection ends.
async fn raw(stack: &Stack, request: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(stack.url().trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("an end in time").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_gets_the_request_as_payload_2() {
    let (stack, http) = started().await;
    let headers = [
        ("x-many", "one"),
        ("x-many", "two"),
        ("cookie", "a=1; b=2"),
        ("content-type", "application/json"),
        ("user-agent", "tests"),
    ];
    let answer = http.send("POST", "/echo/caf%C3%A9%2Fx?k=1&k=2&s=a%20b", &headers, r#"{"a":"é"}"#).await;
    assert_eq!(answer.status, 200);
    let event = answer.json();
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "ANY /echo/{one}");
    assert_eq!(event["rawPath"], "/echo/café/x");
    assert_eq!(event["rawQueryString"], "k=1&k=2&s=a%20b");
    assert_eq!(event["queryStringParameters"], json!({"k": "1,2", "s": "a b"}));
    assert_eq!(event["pathParameters"], json!({"one": "café/x"}));
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["headers"]["x-many"], "one,two");
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["body"], r#"{"a":"é"}"#);
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["stage"], "$default");
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["userAgent"], "tests");
    assert_eq!(context["requestId"].as_str(), answer.header("apigw-requestid"));

    let event = http.send("POST", "/echo/x", &[("content-type", "image/png")], &b"\x89PNG\xff"[..]).await.json();
    assert_eq!(event["isBase64Encoded"], true);
    assert_eq!(event["body"], base64::engine::general_purpose::STANDARD.encode(b"\x89PNG\xff"));
    let event = http.get("/echo/x").await.json();
    assert_eq!((event.get("body"), event.get("cookies")), (None, None));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_exact_route_answers_and_no_route_is_not_found() {
    let (stack, http) = started().await;
    for (method, path, key) in [
        ("GET", "/echo/fixed", "GET /echo/fixed"),
        ("PUT", "/echo/fixed", "ANY /echo/{one}"),
        ("GET", "/echo/other", "ANY /echo/{one}"),
        ("GET", "/files/a/b/", "GET /files/{path+}"),
    ] {
        assert_eq!(http.send(method, path, &[], "").await.json()["routeKey"], key);
    }
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("GET", "/echo/"),
        ("GET", "/echo/fixed/"),
        ("POST", "/environment"),
        ("GET", "/production"),
        ("GET", "/_local/other"),
    ] {
        http.send(method, path, &[], "").await.is(404, "Not Found");
    }
    assert_eq!(http.send("HEAD", "/environment", &[], "").await.status, 404);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_that_are_too_large_are_refused() {
    let (stack, http) = started().await;
    let send = async |bytes: usize, kind: &str| {
        http.send("POST", "/echo/x", &[("content-type", kind)], vec![b'x'; bytes]).await
    };
    send(10 * MEGABYTE + 1, "text/plain").await.is(413, "Request Entity Too Large");
    send(7 * MEGABYTE, "text/plain").await.is(413, "Request Entity Too Large");
    // In base64 it is a third longer, and so too long for an event.
    send(5 * MEGABYTE, "image/png").await.is(413, "Request Entity Too Large");
    assert_eq!(send(2 * MEGABYTE, "text/plain").await.status, 200);

    // The connection is not reset, although nobody reads the body.
    http.send("POST", "/nowhere", &[], vec![b'x'; 5 * MEGABYTE]).await.is(404, "Not Found");

    http.get(&format!("/large?bytes={}", 6 * MEGABYTE)).await.is(500, "Internal Server Error");
    assert_eq!(http.get(&format!("/large?bytes={}", 5 * MEGABYTE)).await.body.len(), 5 * MEGABYTE);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_it_is_too_large_is_refused_before_it_is_sent() {
    let (stack, _) = started().await;
    let mut stream = TcpStream::connect(stack.url().trim_start_matches("http://")).await.unwrap();
    let head = "POST /echo/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(SOON, stream.read_exact(&mut answer)).await.expect("an answer in time").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_in_the_middle_keeps_nobody_waiting() {
    let (stack, http) = started().await;
    let address = stack.url().trim_start_matches("http://");
    let mut stuck = Vec::new();
    for part in ["GET /echo", "POST /echo/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf"] {
        for _ in 0..10 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(part.as_bytes()).await.unwrap();
            stuck.push(stream);
        }
    }
    assert_eq!(http.get("/echo/x").await.status, 200);
    // The stack stops without waiting for these clients.
    tokio::time::timeout(SOON, stack.stop()).await.expect("an end in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_fit_into_an_event_is_refused() {
    let (stack, http) = started().await;
    for bad in [
        &b"GET /echo/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-bad: \xff\r\n\r\n"[..],
        b"GET /echo/%ff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET /echo/x HTTP/1.1\r\nhost: no..host\r\nconnection: close\r\n\r\n",
        b"GET /echo/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-sotto-local-source-ip: me\r\n\r\n",
    ] {
        let answer = raw(&stack, bad).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.ends_with(r#"{"message":"Bad Request"}"#), "{answer}");
    }
    let event = http.send("GET", "/echo/x", &[("x-good", "é")], "").await.json();
    assert_eq!(event["headers"]["x-good"], "é");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_address_is_the_peers_or_the_one_that_a_test_asks_for() {
    let (stack, http) = started().await;
    let forged = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
    let event = http.send("GET", "/echo/x", &forged, "").await.json();
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");

    let asked = [("X-Sotto-Local-Source-Ip", "2001:db8::7")];
    let event = http.send("GET", "/echo/x", &asked, "").await.json();
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "2001:db8::7");
    assert_eq!(event["headers"]["x-forwarded-for"], "2001:db8::7");
    assert_eq!(event["headers"].get("x-sotto-local-source-ip"), None);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_alone_decides_about_other_origins() {
    let (stack, http) = started().await;
    let preflight = async |origin: &str, method: &str| {
        let headers = [("origin", origin), ("access-control-request-method", method)];
        http.send("OPTIONS", "/nowhere", &headers, "").await
    };
    let allowed = preflight("https://two.example", "POST").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://two.example"));
    assert_eq!(allowed.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(allowed.header("access-control-allow-methods"), Some("GET,POST,PATCH,DELETE"));
    assert_eq!(allowed.header("access-control-allow-headers"), Some("content-type"));
    assert_eq!(allowed.header("access-control-max-age"), Some("60"));
    for method in ["PATCH", "DELETE"] {
        let allowed = preflight("https://one.example", method).await;
        assert_eq!(allowed.status, 204);
        assert_eq!(allowed.header("access-control-allow-origin"), Some("https://one.example"));
        assert_eq!(allowed.header("access-control-allow-credentials"), Some("true"));
    }
    for refused in [preflight("https://evil.example", "POST").await, preflight("https://two.example", "PUT").await] {
        assert_eq!(refused.status, 204);
        assert!(refused.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
        assert!(refused.headers.contains_key("apigw-requestid"));
    }

    let from = async |origin: &str, path: &str| http.send("GET", path, &[("origin", origin)], "").await;
    let allowed = from("https://one.example", "/echo/x").await;
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://one.example"));
    assert_eq!(allowed.header("access-control-allow-credentials"), Some("true"));
    let missing = from("https://one.example", "/nowhere").await;
    assert_eq!(missing.header("access-control-allow-origin"), Some("https://one.example"));
    // The probe's own header says `*`.
    let foreign = from("https://evil.example", "/echo/x").await;
    assert_eq!(foreign.status, 200);
    assert!(foreign.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
    assert_eq!(http.get("/echo/x").await.header("access-control-allow-origin"), None);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_answers_on_both_loopback_addresses() {
    let (stack, http) = started().await;
    let port = stack.url().strip_prefix("http://localhost:").expect("a URL of localhost").to_owned();
    assert_eq!(http.get("/echo/x").await.status, 200);
    let mut hosts = vec!["127.0.0.1"];
    hosts.extend(std::net::TcpListener::bind("[::1]:0").is_ok().then_some("[::1]"));
    for host in hosts {
        let http = Http::new(&format!("http://{host}:{port}"));
        let event = http.get("/echo/x").await.json();
        assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1", "{host} is the same client");
        assert_eq!(event["headers"]["host"], format!("{host}:{port}"));
    }
    // A page that a browser has loaded from here under another name is not foreign.
    for host in ["127.0.0.1", "[::1]"] {
        let origin = format!("http://{host}:{port}");
        let answer = http.send("POST", "/echo/x", &[("origin", &origin)], "").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin.as_str()));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    }
    for foreign in [format!("http://localhost.evil.example:{port}"), format!("https://localhost:{port}")] {
        let answer = http.send("POST", "/echo/x", &[("origin", &foreign)], "").await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{foreign}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_come_as_a_list_and_go_as_headers_of_their_own() {
    let (stack, http) = started().await;
    let sent = [("cookie", "a=1; b=x=y"), ("Cookie", "c=\"3\"")];
    let event = http.send("GET", "/echo/x", &sent, "").await.json();
    assert_eq!(event["cookies"], json!(["a=1", "b=x=y", "c=\"3\""]));
    assert_eq!(event["headers"].get("cookie"), None);

    let cookies =
        ["session=1; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=60", "device=2, still 2; Expires=0", "x="];
    let returned = json!({"statusCode": 204, "headers": {"x-a": "1"}, "cookies": cookies}).to_string();
    let answer = http.send("POST", "/reply", &[("content-type", "text/plain")], returned).await;
    assert_eq!(answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>(), cookies);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_functions_answer_becomes_the_response() {
    let (stack, http) = started().await;
    let reply = async |returned: &str| {
        http.send("POST", "/reply", &[("content-type", "text/plain")], returned.to_owned()).await
    };
    let answer = reply(
        r#"{"statusCode":202,"headers":{"X-A":"é"},"cookies":["a=1","b=2"],"body":"aGk=","isBase64Encoded":true}"#,
    )
    .await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.headers["x-a"].as_bytes(), "é".as_bytes());
    assert_eq!(answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(answer.header("content-type"), Some("text/plain;charset=utf-8"));
    assert_eq!(&answer.body[..], b"hi");

    let inferred = reply(r#"{"a":1}"#).await;
    assert_eq!((inferred.status.as_u16(), inferred.header("content-type")), (200, Some("application/json")));
    assert_eq!(inferred.json(), json!({"a": 1}));
    for malformed in ["{", "", r#"{"statusCode":"many"}"#, r#"{"statusCode":200,"body":{}}"#] {
        reply(malformed).await.is(500, "Internal Server Error");
    }
    stack.stop().await;
}
