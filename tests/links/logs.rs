//! Log lines of requests: their content, and values that are never logged.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::png::picture;
use crate::support::{Answer, Call, Client, Link, Upload, line_of, lines, now, stack_or_skip, template};

/// A client whose every value is recognisable.
struct Marked {
    client: Client,
    mark: String,
}

impl Marked {
    fn new() -> Marked {
        Marked { client: Client::new(), mark: Uuid::new_v4().simple().to_string() }
    }

    fn say(&self, what: &str) -> String {
        format!("{what}-{}", self.mark)
    }

    async fn send(&self, call: Call) -> Answer {
        let call = call.header("user-agent", &self.say("agent")).header("x-forwarded-for", &self.say("forwarded"));
        let call = call.header("cookie", &format!("{}=1", self.say("cookie"))).header("referer", &self.say("referer"));
        call.send().await
    }
}

#[tokio::test]
async fn each_request_has_one_line_and_no_line_has_anything_of_its_sender() {
    let Some(stack) = stack_or_skip("reads logs") else { return };
    let me = Marked::new();
    let query = me.say("query");
    let pin = &me.say("pin")[..20];
    let key = me.say("key");
    let title = me.say("title");
    let body = json!({
        "title": title, "description": me.say("description"), "pin": pin, "maxMessages": 3,
        "startsAt": "2026-01-01T00:00:00.000Z",
    });
    let create = me.client.post(&format!("/api/links?{query}")).key(&key).json(&body);
    let created = me.send(create).await;
    let link = Link::from(&created.ok(201));
    let mut answers = vec![("create-link", created)];

    let token = &link.token;
    let post = |body: Value| me.client.post(&format!("{}?{query}=1", link.messages())).json(&body);
    let content = me.say("content");
    for body in [
        json!({ "content": format!("{content}, another"), "pin": pin }),
        json!({ "content": content, "pin": format!("{pin}x") }),
        json!({ "content": content, "pin": me.say("wrong") }),
        json!({ "content": content.repeat(100) }),
        json!({ "content": [content] }),
    ] {
        answers.push(("send-link-message", me.send(post(body)).await));
    }
    for _ in 0..2 {
        let body = json!({ "content": content, "pin": pin });
        answers.push(("send-link-message", me.send(post(body).key(&key)).await));
    }
    let broken = format!("{{\"content\": \"{content}");
    let call = me.client.post(&link.messages()).bytes("application/json", broken);
    answers.push(("send-link-message", me.send(call).await));

    let page = me.send(me.client.get(&format!("{}&cursor={query}", link.inbox()))).await;
    answers.push(("list-link-messages", page));
    let inbox = me.send(me.client.get(&link.inbox())).await;
    let message = inbox.ok(200)["messages"][0].take();
    answers.push(("list-link-messages", inbox));
    let share_token = message["share_token"].as_str().expect("a share token");
    let upload = Upload::of(&picture(), share_token).call(&me.client, &format!("?{query}"));
    answers.push(("upload-card", me.send(upload).await));
    let shared = me.client.get(&format!("/api/messages/{share_token}?{query}"));
    answers.push(("get-shared-message", me.send(shared).await));
    answers.push(("get-link", me.send(me.client.get(&format!("{}?{query}", link.path()))).await));
    let change = json!({ "title": title, "description": null });
    answers.push(("update-link", me.send(me.client.patch(&link.path()).bearer(token).json(&change)).await));
    let id = message["id"].as_str().expect("an id");
    answers.push(("delete-link-message", me.send(me.client.delete(&link.message(id))).await));
    answers.push(("delete-link", me.send(me.client.delete(&format!("{}?token={query}", link.path()))).await));
    answers.push(("delete-link", me.send(me.client.delete(&link.owned())).await));

    let statuses: Vec<_> = answers.iter().map(|(_, answer)| answer.status).collect();
    let expected = [201, 201, 401, 401, 400, 400, 201, 201, 400, 400, 200, 201, 200, 200, 200, 200, 403, 200];
    assert_eq!(statuses, expected);
    for (function, answer) in &answers {
        let (who, line) = line_of(stack, answer).await;
        assert_eq!(&who, function);
        assert_line(&line, function, answer);
    }
    for line in lines(stack) {
        let secrets = [&me.mark, &me.client.address, token, share_token, pin];
        let found = secrets.iter().find(|secret| line.contains(**secret));
        assert_eq!(found, None, "{line}");
    }
}

#[track_caller]
fn assert_line(line: &Value, function: &str, answer: &Answer) {
    let route =
        template::functions().into_iter().find(|one| one.name == function).expect("a function").routes.remove(0);
    assert_eq!(line["request_id"].as_str(), answer.header("x-request-id"));
    assert_eq!((&line["route"], &line["status"]), (&json!(route), &json!(answer.status)));
    for number in ["latency_ms", "round_trips", "read_units", "write_units"] {
        let value = line[number].as_f64().unwrap_or_else(|| panic!("{number} is no number: {line}"));
        assert!((0.0..60_000.0).contains(&value), "{line}");
    }
    assert!(line["cold_start"].is_boolean(), "{line}");
    for action in line["actions"].as_array().unwrap_or_else(|| panic!("no actions: {line}")) {
        let action = action.as_str().expect("an action");
        assert!(action.starts_with("dynamodb:") || action.starts_with("s3:"), "{action}");
    }
}

/// The metrics that CloudWatch reads from a line, by name.
fn metrics(line: &Value) -> Value {
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!("Sotto"), &json!([["stack"]])));
    assert!(line["stack"].as_str().is_some_and(|stack| !stack.is_empty()), "{line}");
    let at = line["_aws"]["Timestamp"].as_i64().expect("a time");
    assert!((now().unix_timestamp() * 1000 - at).abs() < 60_000, "{line}");
    let names = directive["Metrics"].as_array().expect("metrics").iter().map(|metric| &metric["Name"]);
    let names = names.map(|name| name.as_str().expect("a name"));
    names.filter(|name| *name != "latency_ms").map(|name| (name.to_owned(), line[name].clone())).collect()
}

fn counts(failed: u8, limited: u8, stored: u8, cold_starts: &Value) -> Value {
    json!({ "requests": 1, "failed": failed, "limited": limited, "stored": stored, "cold_starts": cold_starts })
}

#[tokio::test]
async fn a_line_is_its_requests_metrics() {
    let Some(stack) = stack_or_skip("reads logs") else { return };
    let link = Link::open().await;
    let metrics_of = async |answer: &Answer| metrics(&line_of(stack, answer).await.1);
    let (me, body) = (Client::new(), json!({ "content": "x" }));
    let send = async || me.post(&link.messages()).json(&body).send().await;
    for _ in 0..5 {
        let told = metrics_of(&send().await).await;
        assert_eq!(told, counts(0, 0, 1, &told["cold_starts"]));
    }
    let told = metrics_of(&send().await).await;
    assert_eq!(told, counts(0, 1, 0, &told["cold_starts"]));
    let told = metrics_of(&me.get(&link.path()).send().await).await;
    assert_eq!(told, counts(0, 0, 0, &told["cold_starts"]));
}

#[tokio::test]
async fn what_a_request_cost_is_on_its_line() {
    let Some(stack) = stack_or_skip("reads logs") else { return };
    let link = Link::open().await;
    let read = Client::new().get(&link.path()).send().await;
    let (_, line) = line_of(stack, &read).await;
    assert_eq!((&line["round_trips"], &line["actions"]), (&json!(1), &json!(["dynamodb:GetItem"])));
    assert_eq!((line["read_units"].as_f64(), line["write_units"].as_f64()), (Some(1.0), Some(0.0)));
    let sent = link.send("x").await;
    let (_, line) = line_of(stack, &sent).await;
    assert!(line["write_units"].as_f64() >= Some(2.0), "{line}");
    let invalid = link.send("").await;
    let (_, line) = line_of(stack, &invalid).await;
    assert_eq!((&line["round_trips"], &line["write_units"]), (&json!(0), &json!(0.0)));
}
