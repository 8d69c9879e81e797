//! The lines that functions write.

use local::{Line, Stack};
use serde_json::Value;

use super::{Answer, SOON, eventually};

/// The function that answered a request, and the one line that it wrote about it.
pub async fn line_of(stack: &Stack, answer: &Answer) -> (String, Value) {
    let id = answer.header("x-request-id").expect("a request id");
    let lines = eventually("a line about the request", SOON, async || {
        let lines: Vec<Line> = stack.logs().matching(|line| line.text.contains(id));
        (!lines.is_empty()).then_some(lines)
    });
    let lines = lines.await;
    let [line] = &lines[..] else { panic!("{} lines about one request: {lines:?}", lines.len()) };
    let parsed = serde_json::from_str(&line.text).unwrap_or_else(|e| panic!("{e}: {}", line.text));
    (line.function.to_string(), parsed)
}

/// The log lines of a worker so far, parsed.
pub fn worker_lines(stack: &Stack, worker: &str) -> Vec<Value> {
    let lines = stack.logs().matching(|line| &*line.function == worker).into_iter();
    lines.filter_map(|line| serde_json::from_str(&line.text).ok()).collect()
}

/// Every line so far.
pub fn lines(stack: &Stack) -> Vec<String> {
    stack.logs().lines().into_iter().map(|line| line.text).collect()
}
