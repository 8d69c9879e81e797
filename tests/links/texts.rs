//! Random texts: each is accepted if its rule allows it, and comes back as it was sent.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Client, Link, random_slug};

/// Text with difficult parts: multi-byte characters, combined characters, spaces, control characters, escapes.
fn text(longest: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        6 => any::<char>(),
        4 => prop::char::range(' ', '~'),
        1 => prop::sample::select(vec!['\t', '\n', '\r', '\u{a0}', '\u{2028}', '"', '\\', '/', '\u{301}', '🦀']),
    ];
    let short = prop::collection::vec(prop_oneof![Just(' '), Just('\n'), Just('\u{3000}')], 0..4);
    let control = prop_oneof![8 => Just(None), 1 => prop::char::range('\0', '\u{1f}').prop_map(Some)];
    let any_text =
        (prop::collection::vec(character, 0..longest + 20), control).prop_map(|(mut characters, control)| {
            characters.extend(control);
            characters
        });
    prop_oneof![1 => short, 9 => any_text].prop_map(|characters| characters.into_iter().collect())
}

/// Whether the contract allows a text. `None` where it does not define whether the text is visible.
fn allowed(text: &str, longest: usize) -> Option<bool> {
    let c0 = |c: char| c < ' ' && !['\t', '\n', '\r'].contains(&c);
    let length = text.chars().count();
    if length == 0 || length > longest || text.contains(c0) || text.chars().all(|c| c.is_whitespace() || c.is_control())
    {
        return Some(false);
    }
    text.contains(|c: char| c.is_ascii_graphic() || c.is_alphabetic()).then_some(true)
}

/// Whether a title is one line in its own direction.
fn is_one_line(text: &str) -> bool {
    let breaks = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let overrides = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.contains(breaks) && !text.contains(overrides)
}

fn slug() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z0-9-]{0,56}",
        1 => "[a-zA-Z0-9_. -]{3,20}",
        1 => "\\PC{1,10}",
    ]
}

fn allowed_slug(slug: &str) -> bool {
    let letters = slug.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    letters && (3..=50).contains(&slug.len()) && !slug.starts_with('-') && !slug.ends_with('-')
}

fn runner() -> TestRunner {
    TestRunner::new(Config { cases: 48, failure_persistence: None, max_shrink_iters: 200, ..Config::default() })
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Asserts that the text was accepted and comes back as `sent`, or that the refusal names the field.
#[track_caller]
fn check(allowed: bool, field: &str, sent: &str, (status, got): (u16, Value)) -> Result<(), TestCaseError> {
    if allowed {
        prop_assert!(status < 300, "{got}");
        prop_assert_eq!(got, json!(sent));
    } else {
        prop_assert_eq!(status, 400);
        let error = got["error"].as_str().expect("an error").to_owned();
        prop_assert!(error.starts_with(&format!("{field} m")), "{error}");
    }
    Ok(())
}

#[test]
fn any_content_is_accepted_and_read_back_or_refused() {
    let runtime = runtime();
    let link = runtime.block_on(Link::open());
    let result = runner().run(&text(1000), |content| {
        let Some(allowed) = allowed(&content, 1000) else { return Ok(()) };
        let got = runtime.block_on(async {
            let answer = link.send_as(&Client::new(), json!({ "content": content })).await;
            match answer.status {
                201 => (201, link.newest().await["content"].take()),
                status => (status, answer.json()),
            }
        });
        check(allowed, "content", &content, got)
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn any_title_is_accepted_and_read_back_or_refused() {
    let runtime = runtime();
    let result = runner().run(&text(100), |title| {
        let Some(allowed) = allowed(&title, 100).map(|allowed| allowed && is_one_line(&title)) else { return Ok(()) };
        let got = runtime.block_on(async {
            let body = json!({ "title": title, "slug": random_slug() });
            let answer = Client::new().post("/api/links").json(&body).send().await;
            match answer.status {
                201 => (201, Link::from(&answer.json()).seen().await["title"].take()),
                status => (status, answer.json()),
            }
        });
        check(allowed, "title", &title, got)
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn any_slug_is_accepted_and_found_again_or_refused() {
    let runtime = runtime();
    let result = runner().run(&slug(), |slug| {
        let got = runtime.block_on(async {
            let body = json!({ "title": "x", "slug": slug });
            let answer = Client::new().post("/api/links").json(&body).send().await;
            match answer.status {
                201 => {
                    let link = Link::from(&answer.json());
                    let seen = link.seen().await["slug"].take();
                    Client::new().delete(&link.owned()).send().await.ok(200);
                    (201, seen)
                }
                status => (status, answer.json()),
            }
        });
        match got {
            (400, error) if error["error"] == "slug is reserved" => Ok(()),
            // An earlier case had the same short slug.
            (409, _) => Ok(()),
            got => check(allowed_slug(&slug), "slug", &slug, got),
        }
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}
