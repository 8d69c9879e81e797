//! What came back, and what may be said about it.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{lines, stack_or_skip, whole_number};

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub took: Duration,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: {e}: {}", self.status, self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header of visible ASCII"))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}{}", self.text(), self.logged());
        self.json()
    }

    /// What a function's log says of a failure of ours that no test asked for.
    fn logged(&self) -> String {
        let id = self.header("x-request-id").filter(|_| self.status >= 500);
        let lines = id.zip(stack_or_skip("has a log")).map(|(id, stack)| {
            let lines = lines(stack).into_iter().filter(|line| line.contains(id));
            lines.map(|line| format!("\n{line}")).collect()
        });
        lines.unwrap_or_default()
    }

    /// Exactly this status and exactly this body.
    #[track_caller]
    pub fn is(&self, status: u16, body: Value) {
        assert_eq!((self.status, self.json()), (status, body));
    }

    /// The family's error shape, to the letter.
    #[track_caller]
    pub fn refused(&self, status: u16, message: &str) {
        self.is(status, json!({ "error": message }));
    }

    /// The error shape of accounts and inboxes, to the letter.
    #[track_caller]
    pub fn fails(&self, status: u16, message: &str) {
        self.is(status, json!({ "success": false, "message": message }));
    }

    /// Too many requests, with everything that the answer has to say about it; returns the seconds to wait.
    #[track_caller]
    pub fn limited(&self, name: &str, quota: u64, window: u64) -> u64 {
        assert_eq!(self.status, 429, "{}", self.text());
        let seconds = whole_number(self.header("retry-after").expect("a Retry-After header"));
        // A place stays taken a moment longer than the window, for clocks that differ.
        assert!((1..=window).contains(&seconds), "Retry-After: {seconds}");
        let unit = if seconds == 1 { "second" } else { "seconds" };
        self.refused(429, &format!("Too many requests. Try again in {seconds} {unit}"));
        let (remaining, reset) = self.quota(name, quota, window);
        assert_eq!((remaining, reset), (0, seconds));
        seconds
    }

    /// The two `RateLimit` header fields: the policy to the letter, and what they say remains and until when.
    #[track_caller]
    pub fn quota(&self, name: &str, quota: u64, window: u64) -> (u64, u64) {
        let policy = self.header("ratelimit-policy").expect("a RateLimit-Policy header");
        assert_eq!(policy, format!("\"{name}\";q={quota};w={window}"));
        let told = self.header("ratelimit").expect("a RateLimit header");
        let rest = told.strip_prefix(&format!("\"{name}\";r=")).unwrap_or_else(|| panic!("RateLimit: {told}"));
        let (remaining, reset) = rest.split_once(";t=").unwrap_or_else(|| panic!("RateLimit: {told}"));
        (whole_number(remaining), whole_number(reset))
    }

    /// What every answer of a function carries, good or bad.
    #[track_caller]
    pub fn assert_documented_headers(&self) {
        let told = |name| self.header(name).unwrap_or_else(|| panic!("{}: no {name}: {}", self.status, self.text()));
        assert!(!told("x-request-id").is_empty());
        assert_eq!(told("cache-control"), "no-store");
        assert_eq!(told("x-content-type-options"), "nosniff");
        assert_eq!(told("content-type"), "application/json");
    }
}
