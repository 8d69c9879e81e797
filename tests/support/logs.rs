//! The lines that functions write.

use std::time::Duration;

use local::{Line, Stack};
use serde_json::Value;

use super::{Answer, eventually};

/// The function that answered a request, and the one line that it wrote about it.
pub async fn line_of(stack: &Stack, answer: &Answer) -> (String, Value) {
    let id = answer.header("x-request-id").expect("a request id");
    let lines = eventually("a line about the request", Duration::from_secs(10), async || {
        let lines: Vec<Line> = stack.logs().lines().into_iter().filter(|line| line.text.contains(id)).collect();
        (!lines.is_empty()).then_some(lines)
    });
    let lines = lines.await;
    let [line] = &lines[..] else { panic!("{} lines about one request: {lines:?}", lines.len()) };
    let parsed = serde_json::from_str(&line.text).unwrap_or_else(|e| panic!("{e}: {}", line.text));
    (line.function.to_string(), parsed)
}

/// Every line so far.
pub fn lines(stack: &Stack) -> Vec<String> {
    stack.logs().lines().into_iter().map(|line| line.text).collect()
}
