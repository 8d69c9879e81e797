//! The embedded SES: mails are sent with the real SDK and read in the outbox.

use crate::support::{Http, SOON, options, stack};
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader};
use local::{Endpoints, Options, Stack, State};
use serde_json::{Value, json};

fn ses(stack: &Stack) -> aws_sdk_sesv2::Client {
    aws_sdk_sesv2::Client::new(&stack.sdk_config(stack.ses_url()))
}

fn text(data: &str) -> Content {
    Content::builder().data(data).charset("UTF-8").build().unwrap()
}

fn message() -> aws_sdk_sesv2::types::builders::MessageBuilder {
    Message::builder().subject(text("Ein Code — é")).body(Body::builder().text(text("123 456\n")).build())
}

fn mail(stack: &Stack, to: &str, message: Message) -> SendEmailFluentBuilder {
    ses(stack)
        .send_email()
        .from_email_address("Sotto <sotto@example.com>")
        .destination(Destination::builder().to_addresses(to).build())
        .content(EmailContent::builder().simple(message).build())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_mailed_is_in_the_outbox_newest_first() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    let outbox = http.get("/_local/outbox").await;
    assert_eq!((outbox.status.as_u16(), outbox.json()), (200, json!([])));

    let html = Body::builder().text(text("Hi")).html(text("<p>Hi</p>")).build();
    let header = MessageHeader::builder().name("List-Unsubscribe").value("<https://a.test/u>").build().unwrap();
    let full = message().body(html).headers(header).build();
    let sent = mail(&stack, "one@a.test", message().build()).send().await.unwrap();
    assert!(sent.message_id().is_some_and(|id| !id.is_empty()));
    mail(&stack, "two@a.test", full).reply_to_addresses("back@a.test").send().await.unwrap();

    let answer = http.get("/_local/outbox").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut entries = answer.json();
    assert_eq!(entries, Value::from(stack.outbox().entries()));
    for entry in entries.as_array_mut().unwrap() {
        let at = entry.as_object_mut().unwrap().remove("at").unwrap();
        assert_eq!(at.as_str().map(str::len), Some("2026-01-01T00:00:00.000Z".len()), "{at}");
    }
    let expected = json!([
        {
            "kind": "email",
            "from": "Sotto <sotto@example.com>",
            "to": ["two@a.test"],
            "subject": "Ein Code — é",
            "text": "Hi",
            "html": "<p>Hi</p>",
            "headers": {"List-Unsubscribe": "<https://a.test/u>"},
            "replyTo": ["back@a.test"],
        },
        {
            "kind": "email",
            "from": "Sotto <sotto@example.com>",
            "to": ["one@a.test"],
            "subject": "Ein Code — é",
            "text": "123 456\n",
            "html": null,
            "headers": {},
        },
    ]);
    assert_eq!(entries, expected);
    http.send("POST", "/_local/outbox", &[], "").await.is(404, "Not Found");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_can_be_waited_for() {
    let stack = stack().await;
    let outbox = stack.outbox();
    let waiting = tokio::spawn(async move { outbox.wait(|entry| entry["to"][0] == "late@a.test", SOON).await });
    mail(&stack, "early@a.test", message().build()).send().await.unwrap();
    mail(&stack, "late@a.test", message().build()).send().await.unwrap();
    assert_eq!(waiting.await.unwrap().expect("the mail in time")["subject"], "Ein Code — é");
    assert_eq!(stack.outbox().wait(|_| false, std::time::Duration::ZERO).await, None);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ses_would_refuse_is_refused() {
    let stack = stack().await;
    let send = || mail(&stack, "one@a.test", message().build());
    let with = |message| mail(&stack, "one@a.test", message);
    let many = Destination::builder().set_bcc_addresses(Some(vec!["x@a.test".into(); 51])).build();
    for (what, mail) in [
        ("no sender", send().set_from_email_address(None)),
        ("no destination", send().set_destination(None)),
        ("no recipient", send().destination(Destination::builder().build())),
        ("51 recipients", send().destination(many)),
        ("no address", mail(&stack, "nobody", message().build())),
        ("no message", send().content(EmailContent::builder().build())),
        ("no subject", with(message().set_subject(None).build())),
        ("no body", with(message().set_body(None).build())),
        ("an empty body", with(message().body(Body::builder().build()).build())),
        ("a header of two lines", with(message().subject(text("a\r\nBcc: b@a.test")).build())),
    ] {
        let error = mail.send().await.expect_err(what);
        assert_eq!(error.raw_response().map(|answer| answer.status().as_u16()), Some(400), "{what}");
        let error = error.into_service_error();
        assert!(error.is_bad_request_exception() && error.message().is_some(), "{what}: {error:?}");
    }
    assert_eq!(stack.outbox().entries(), Vec::<Value>::new());

    let http = Http::new(stack.ses_url());
    for (method, path) in [("GET", "/v2/email/outbound-emails"), ("POST", "/v2/email/identities"), ("POST", "/")] {
        assert_eq!(http.send(method, path, &[], "{}").await.status, 404);
    }
    let garbled = http.send("POST", "/v2/email/outbound-emails", &[], "{").await;
    assert_eq!((garbled.status.as_u16(), garbled.header("x-amzn-errortype")), (400, Some("SerializationException")));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_ses_takes_the_embedded_ones_place() {
    let other = stack().await;
    let endpoints = Endpoints { ses: Some(other.ses_url().to_owned()), ..Endpoints::from_env() };
    let stack = Stack::start(Options { endpoints, ..options(State::Memory) }).await.unwrap();
    assert_eq!(stack.ses_url(), other.ses_url());
    let variables = Http::new(stack.url()).get("/environment").await.json()["variables"].clone();
    assert_eq!(variables["AWS_ENDPOINT_URL_SESV2"], other.ses_url());
    mail(&stack, "one@a.test", message().build()).send().await.unwrap();
    assert_eq!((stack.outbox().entries().len(), other.outbox().entries().len()), (0, 1));
    stack.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_pages_are_shown_under_names_of_this_machine_only() {
    let stack = stack().await;
    let http = Http::new(stack.url());
    for path in ["/_local/outbox", "/_local/queues", "/_local/cdn/cards/x", "/_local/other"] {
        for foreign in ["evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.evil.example"] {
            let answer = http.send("GET", path, &[("host", foreign)], "").await;
            assert_eq!((answer.status.as_u16(), answer.json()), (403, json!({"message": "Open this as localhost"})));
        }
        for own in ["localhost", "127.0.0.1:3000", "[::1]:3000", "sotto.localhost"] {
            let answer = http.send("GET", path, &[("host", own)], "").await;
            assert!(!answer.body.ends_with(br#""Open this as localhost"}"#), "{path} as {own}");
        }
    }
    // The API itself has any name.
    assert_eq!(http.send("GET", "/echo/x", &[("host", "evil.example")], "").await.status, 200);
    stack.stop().await;
}
