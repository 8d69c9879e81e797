//! The answer to a request, and the assertions that tests make about it.

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

    /// The function's log lines about this request, if it failed with a 5xx status.
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

    /// Exactly this error, in the shape that links and cards use.
    #[track_caller]
    pub fn refused(&self, status: u16, message: &str) {
        self.is(status, json!({ "error": message }));
    }

    /// Exactly this error, in the shape that accounts and inboxes use.
    #[track_caller]
    pub fn fails(&self, status: u16, message: &str) {
        self.is(status, json!({ "success": false, "message": message }));
    }

    /// 429 with its message, `Retry-After` and `RateLimit` fields. Returns the seconds to wait.
    #[track_caller]
    pub fn limited(&self, name: &str, quota: u64, window: u64) -> u64 {
        assert_eq!(self.status, 429, "{}", self.text());
        let seconds = whole_number(self.header("retry-after").expect("a Retry-After header"));
        // A hit counts for a moment longer than the window, because clocks differ.
        assert!((1..=window).contains(&seconds), "Retry-After: {seconds}");
        let unit = if seconds == 1 { "second" } else { "seconds" };
        self.refused(429, &format!("Too many requests. Try again in {seconds} {unit}"));
        let (remaining, reset) = self.quota(name, quota, window);
        assert_eq!((remaining, reset), (0, seconds));
        seconds
    }

    /// Checks the `RateLimit-Policy` header. Returns the remaining hits and the seconds until reset from `RateLimit`.
    #[track_caller]
    pub fn quota(&self, name: &str, quota: u64, window: u64) -> (u64, u64) {
        let policy = self.header("ratelimit-policy").expect("a RateLimit-Policy header");
        assert_eq!(policy, format!("\"{name}\";q={quota};w={window}"));
        let told = self.header("ratelimit").expect("a RateLimit header");
        let rest = told.strip_prefix(&format!("\"{name}\";r=")).unwrap_or_else(|| panic!("RateLimit: {told}"));
        let (remaining, reset) = rest.split_once(";t=").unwrap_or_else(|| panic!("RateLimit: {told}"));
        (whole_number(remaining), whole_number(reset))
    }

    /// What every answer of a function carries, good or bad. Only the document may be kept.
    #[track_caller]
    pub fn assert_documented_headers(&self, path: &str) {
        let told = |name| self.header(name).unwrap_or_else(|| panic!("{}: no {name}: {}", self.status, self.text()));
        assert!(!told("x-request-id").is_empty());
        assert_eq!(told("cache-control"), if path == "/openapi.json" { "public, max-age=300" } else { "no-store" });
        assert_eq!(told("x-content-type-options"), "nosniff");
        assert_eq!(told("content-type"), "application/json");
    }
}
