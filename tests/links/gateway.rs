//! Rules of all routes: headers, CORS, and routes that don't exist.

use reqwest::Method;
use serde_json::json;

use crate::support::png::picture;
use crate::support::{Answer, Client, Link, template, upload};

/// One success and one refusal of each of the nine functions of links.
async fn every_kind_of_answer() -> Vec<Answer> {
    let (link, somebody) = (Link::open().await, Client::new());
    let message = link.sent("x").await;
    let id = message["id"].as_str().expect("an id");
    let shared = format!("/api/messages/{}", message["share_token"].as_str().expect("a share token"));
    let card = upload(&picture(), message["share_token"].as_str().expect("a share token")).await;
    let body = json!({ "title": "x", "content": "x" });
    let calls = [
        somebody.post("/api/links").json(&body),
        somebody.post("/api/links").json(&json!([])),
        somebody.get(&link.path()),
        somebody.get("/api/links/AB"),
        somebody.patch(&link.owned()).json(&body),
        somebody.patch(&link.path()).json(&body),
        somebody.post(&link.messages()).json(&body),
        somebody.post(&link.messages()).body("x"),
        somebody.get(&link.inbox()),
        somebody.get(&link.messages()),
        somebody.get(&shared),
        somebody.get("/api/messages/x"),
        somebody.post("/api/cards/upload").json(&body),
        somebody.delete(&link.message(id)),
        somebody.delete(&link.message(id)),
        somebody.delete(&link.path()),
        somebody.delete(&link.owned()),
    ];
    let mut answers = vec![card];
    for call in calls {
        answers.push(call.raw().await);
    }
    answers
}

#[tokio::test]
async fn every_answer_good_or_bad_carries_the_documented_headers() {
    let answers = every_kind_of_answer().await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    let expected = [201, 201, 400, 200, 404, 200, 401, 201, 415, 200, 401, 200, 404, 415, 200, 404, 401, 200];
    assert_eq!(statuses, expected);
    answers.iter().for_each(|answer| answer.assert_documented_headers("/api/links"));
    let mut ids: Vec<_> = answers.iter().map(|answer| answer.header("x-request-id").expect("an id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), answers.len(), "two requests have one id");
}

#[tokio::test]
async fn the_request_id_is_the_gateways_and_not_the_callers() {
    let answer = Client::new().get("/api/links/AB").header("x-request-id", "mine").send().await;
    assert_ne!(answer.header("x-request-id"), Some("mine"));
    assert_eq!(answer.header("x-request-id"), answer.header("apigw-requestid"));
}

#[tokio::test]
async fn a_route_or_method_that_there_is_not_is_not_found() {
    let link = Link::open().await;
    let calls = [
        (Method::GET, "/api/links".to_owned()),
        (Method::PUT, link.owned()),
        (Method::POST, link.path()),
        (Method::DELETE, link.messages()),
        (Method::GET, link.message("x")),
        (Method::GET, "/api/cards/upload".to_owned()),
        (Method::POST, "/api/cards/upload/".to_owned() + "x"),
        (Method::GET, "/api/messages/x/y".to_owned()),
        (Method::GET, "/API/links/abc".to_owned()),
        (Method::GET, "/nothing/here".to_owned()),
    ];
    for (method, path) in calls {
        println!("{method} {path}");
        Client::new().call(method, &path).raw().await.is(404, json!({ "message": "Not Found" }));
    }
    assert_eq!(link.seen().await, link.created);
}

async fn preflight(origin: &str, method: &str) -> Answer {
    let call = Client::new().call(Method::OPTIONS, "/api/links");
    let call = call.header("origin", origin).header("access-control-request-method", method);
    call.header("access-control-request-headers", "content-type,idempotency-key").raw().await
}

#[tokio::test]
async fn a_web_client_of_an_allowed_origin_may_call() {
    let origin = template::allowed_origin();
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        let answer = preflight(&origin, method).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin.as_str()));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST,PATCH,DELETE"));
        let headers = answer.header("access-control-allow-headers");
        assert_eq!(headers, Some("authorization,content-type,idempotency-key"));
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
    }
    let answer = Client::new().get("/api/links/AB").header("origin", &origin).send().await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin.as_str()));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    let exposed = answer.header("access-control-expose-headers");
    assert_eq!(exposed, Some("x-request-id,ratelimit,ratelimit-policy,retry-after"));
}

#[tokio::test]
async fn a_web_client_of_a_foreign_origin_is_allowed_nothing() {
    let own = template::allowed_origin();
    for foreign in ["https://evil.example", "null", &format!("{own}.evil.example"), &own.replace("http:", "ftp:")] {
        let link = Client::new().get("/api/links/AB").header("origin", foreign).send().await;
        for answer in [preflight(foreign, "POST").await, link] {
            for (name, value) in &answer.headers {
                assert!(!name.as_str().starts_with("access-control-"), "{foreign} gets {name}: {value:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_no_function_can_be_handed_is_refused_by_the_gateway() {
    let link = Link::open().await;
    let body = vec![b' '; 7 * 1024 * 1024];
    let answer = Client::new().post(&link.messages()).bytes("application/json", body).raw().await;
    answer.is(413, json!({ "message": "Request Entity Too Large" }));
}
