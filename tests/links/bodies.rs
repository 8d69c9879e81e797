//! Bodies that are too large, malformed or of a wrong type, at every endpoint that takes JSON.

use serde_json::json;

use crate::support::{Answer, Call, Client, Link};

const KIBIBYTE: usize = 1024;

/// The three endpoints that take JSON, each with a body that it accepts.
struct Endpoints {
    link: Link,
}

impl Endpoints {
    async fn new() -> Endpoints {
        Endpoints { link: Link::open().await }
    }

    fn calls(&self) -> [(Call, &'static str); 3] {
        let somebody = Client::new();
        [
            (somebody.post("/api/links"), r#"{"title":"x"}"#),
            (somebody.patch(&self.link.owned()), r#"{"title":"x"}"#),
            (somebody.post(&self.link.messages()), r#"{"content":"x"}"#),
        ]
    }

    /// The answer of each endpoint to a changed body. The unchanged body is valid.
    async fn answers(&self, content_type: &str, body: impl Fn(&str) -> Vec<u8>) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (call, good) in self.calls() {
            answers.push(call.bytes(content_type, body(good)).send().await);
        }
        answers
    }

    async fn refuse(&self, body: &[u8], status: u16, message: &str) {
        println!("{}", String::from_utf8_lossy(&body[..body.len().min(80)]));
        for answer in self.answers("application/json", |_| body.to_vec()).await {
            answer.refused(status, message);
        }
        assert_eq!(self.link.seen().await, self.link.created);
        assert_eq!(self.link.count().await, 0);
    }
}

#[track_caller]
fn accepted(answers: &[Answer]) {
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [201, 200, 201], "{}", answers.iter().map(Answer::text).collect::<String>());
}

#[tokio::test]
async fn a_body_of_64_kib_is_accepted_and_one_byte_more_is_not() {
    let endpoints = Endpoints::new().await;
    let padded = |length: usize| {
        move |good: &str| {
            let mut body = good.as_bytes().to_vec();
            body.resize(length, b' ');
            body
        }
    };
    for answer in endpoints.answers("application/json", padded(64 * KIBIBYTE + 1)).await {
        answer.refused(413, "The body must not be larger than 64 KiB");
    }
    assert_eq!((endpoints.link.seen().await, endpoints.link.count().await), (endpoints.link.created.clone(), 0));
    for answer in endpoints.answers("application/json", padded(3 * 1024 * KIBIBYTE)).await {
        answer.refused(413, "The body must not be larger than 64 KiB");
    }
    accepted(&endpoints.answers("application/json", padded(64 * KIBIBYTE)).await);
    assert_eq!(endpoints.link.count().await, 1);
}

#[tokio::test]
async fn another_content_type_than_json_is_refused() {
    let endpoints = Endpoints::new().await;
    let wrong = "Content-Type must be application/json";
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/xml", "json", ""]
    {
        println!("{content_type}");
        for answer in endpoints.answers(content_type, |good| good.into()).await {
            answer.refused(415, wrong);
        }
    }
    for (call, good) in endpoints.calls() {
        call.body(good).send().await.refused(415, wrong);
    }
    assert_eq!((endpoints.link.seen().await, endpoints.link.count().await), (endpoints.link.created.clone(), 0));
}

#[tokio::test]
async fn json_may_say_its_charset_and_be_written_in_any_case() {
    for content_type in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;charset=UTF-8",
        "application/json ; charset=utf-8",
        "application/json\t;\tcharset=\"UTF-8\" ; x=y",
        "application/json;charset=utf8",
        "application/json; charset=\"Utf8\"",
        "application/json;",
        "application/json; boundary=x; charset=utf-8; charset=latin1",
    ] {
        println!("{content_type}");
        accepted(&Endpoints::new().await.answers(content_type, |good| good.into()).await);
    }
}

#[tokio::test]
async fn a_byte_order_mark_in_front_of_json_is_passed_over() {
    let endpoints = Endpoints::new().await;
    // Base64 or text: the gateway passes both on.
    for content_type in ["application/json", "application/json; charset=utf-8"] {
        accepted(&endpoints.answers(content_type, |good| [b"\xef\xbb\xbf", good.as_bytes()].concat()).await);
    }
    for body in [&b"\xef\xbb\xbf\xef\xbb\xbf{}"[..], b"\xef\xbb\xbf", b"{\xef\xbb\xbf}", b"{} \xef\xbb\xbf"] {
        for answer in endpoints.answers("application/json", |_| body.to_vec()).await {
            answer.refused(400, "The body is not valid JSON");
        }
    }
}

#[tokio::test]
async fn json_in_another_charset_is_refused() {
    let endpoints = Endpoints::new().await;
    for charset in ["iso-8859-1", "utf-16", "utf-16le", "\"\"", "utf-7", "utf_8"] {
        println!("{charset}");
        for answer in endpoints.answers(&format!("application/json; charset={charset}"), |good| good.into()).await {
            answer.refused(415, "Content-Type must be application/json");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let endpoints = Endpoints::new().await;
    let deep_object = br#"{"a":"#.repeat(10_000);
    let mut deep_beside = br#"{"title":"x","content":"x","more":"#.to_vec();
    deep_beside.extend([b"[".repeat(10_000), b"]".repeat(10_000), b"}".to_vec()].concat());
    let deep_array = [b"[".repeat(30_000), b"]".repeat(30_000)].concat();
    let bodies = [
        &b""[..],
        b" ",
        b"{",
        b"{\"title\":\"x\",\"content\":\"x\"",
        b"{\"title\":\"x\",\"content\":\"x\"} {}",
        b"{\"title\":\"x\",\"content\":\"x\",}",
        b"{'title':'x','content':'x'}",
        b"title=x&content=x",
        b"{\"title\":\"\\ud800\",\"content\":\"\\ud800\"}",
        b"{\"title\":\"\\udc00\\ud800\",\"content\":\"\\udc00\\ud800\"}",
        b"{\"title\":\"\\x41\",\"content\":\"\\x41\"}",
        b"{\"title\":\"a\nb\",\"content\":\"a\nb\"}",
        b"{\"title\":NaN,\"content\":NaN}",
        &deep_array,
        &deep_object,
        &deep_beside,
    ];
    for body in bodies {
        endpoints.refuse(body, 400, "The body is not valid JSON").await;
    }
}

#[tokio::test]
async fn json_that_is_no_object_is_refused() {
    let endpoints = Endpoints::new().await;
    for body in ["[]", r#"[{"title":"x","content":"x"}]"#, r#""title""#, "5", "true", "null", r#"["x",null,null,null]"#]
    {
        endpoints.refuse(body.as_bytes(), 400, "The body must be a JSON object").await;
    }
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_refused() {
    let endpoints = Endpoints::new().await;
    let cases = [
        &b"{\"title\":\"\xff\",\"content\":\"\xff\"}"[..],
        b"{\"title\":\"\xc3\x28\",\"content\":\"\xc3\x28\"}",
        b"{\"title\":\"\xed\xa0\x80\",\"content\":\"\xed\xa0\x80\"}",
        b"{\"title\":\"\xf5\x80\x80\x80\",\"content\":\"\xf5\x80\x80\x80\"}",
        b"\xff\xfe{\0}\0",
    ];
    for body in cases {
        endpoints.refuse(body, 400, "The body is not valid UTF-8").await;
    }
}

#[tokio::test]
async fn a_field_in_another_spelling_is_refused_by_its_right_name() {
    let link = Link::open().await;
    let fields = ["expiresAt", "startsAt", "maxMessages"].map(|right| (right, right));
    for (right, field) in fields {
        let snake = field.replace("At", "_at").replace("Messages", "_messages");
        for name in [snake.clone(), snake.replace('_', "-"), field.to_uppercase(), field.to_lowercase()] {
            let message = format!("{name} is not known: it is spelled {right}");
            let create = Client::new().post("/api/links").json(&json!({ "title": "x", &name: null })).send().await;
            create.refused(400, &message);
            link.patch(json!({ "title": "y", &name: null })).await.refused(400, &message);
        }
    }
    link.patch(json!({ "is_active": false })).await.refused(400, "is_active is not known: it is spelled isActive");
    let send = link.send_as(&Client::new(), json!({ "content": "x", "PIN": "1234" })).await;
    send.refused(400, "PIN is not a known field");
    assert_eq!((link.seen().await, link.count().await), (link.created.clone(), 0));
    // Fields that nobody knows are passed over, as before.
    link.send_as(&Client::new(), json!({ "content": "x", "colour": "red" })).await.ok(201);
}

#[tokio::test]
async fn arrays_and_objects_where_text_belongs_are_refused_by_name() {
    let link = Link::open().await;
    for wrong in [json!([]), json!({}), json!(["x"]), json!([[["x"]]]), json!(true), json!(1.5)] {
        let create = Client::new().post("/api/links").json(&json!({ "title": wrong })).send().await;
        create.refused(400, "title must be text");
        link.patch(json!({ "description": wrong })).await.refused(400, "description must be text");
        let send = link.send_as(&Client::new(), json!({ "content": wrong })).await;
        send.refused(400, "content must be text");
    }
}

#[tokio::test]
async fn escapes_are_understood() {
    let link = Link::open().await;
    let body = r#"{"content":"\u0041\ud83e\udd80\/\n\u00e9"}"#;
    Client::new().post(&link.messages()).bytes("application/json", body).send().await.ok(201);
    assert_eq!(link.newest().await["content"], "A🦀/\né");
    let body = r#"{"content":"a\u0000b"}"#;
    let answer = Client::new().post(&link.messages()).bytes("application/json", body).send().await;
    answer.refused(400, "content must not contain control characters");
    assert_eq!(link.count().await, 1);
}
