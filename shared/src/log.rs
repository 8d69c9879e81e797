//! The log: JSON, one line for each request. It says what happened, never what was said or who said it.

use std::{
    io::{self, Write},
    panic,
    time::Duration,
};

use serde_json::{Map, Value, json};

use crate::{stats::Totals, types::Timestamp};

/// One request, or one record. None of its fields can hold content, an address, a token or a query string.
pub struct Line<'a> {
    pub request_id: &'a str,
    /// Method and path as the template declares them, not as they were called.
    pub route: &'a str,
    pub status: u16,
    pub latency: Duration,
    pub totals: Totals,
    pub cold_start: bool,
    /// Why the request failed on our side.
    pub cause: Option<String>,
}

/// The line of one request. With the stack's name it carries the request's metrics, too.
pub fn request(line: &Line, stack: Option<&str>) {
    let mut value = fields(line);
    if let (Some(stack), Some(fields)) = (stack, value.as_object_mut()) {
        fields.extend(metrics(line, stack));
    }
    write(&value);
}

/// The line of one record that a worker took: its time would blur that of requests, so it has no metrics.
pub fn record(line: &Line) {
    write(&fields(line));
}

fn fields(line: &Line) -> Value {
    let level = match (&line.cause, &line.totals.degraded) {
        (Some(_), _) => "error",
        (None, Some(_)) => "warn",
        (None, None) => "info",
    };
    let mut value = json!({
        "level": level,
        "request_id": line.request_id,
        "route": line.route,
        "status": line.status,
        "latency_ms": line.latency.as_micros() as f64 / 1000.0,
        "round_trips": line.totals.round_trips,
        "read_units": line.totals.read_units,
        "write_units": line.totals.write_units,
        "actions": line.totals.actions,
        "cold_start": line.cold_start,
    });
    if let (Some(cause), Some(fields)) = (line.cause.as_ref().or(line.totals.degraded.as_ref()), value.as_object_mut())
    {
        fields.insert("cause".to_owned(), Value::from(cause.as_str()));
    }
    value
}

/// What makes CloudWatch read metrics off the line, without a call ("Embedded metric format specification"). Their one dimension is
/// the stack: each value of another one would be six metrics more to pay for. What one route does, the lines themselves tell.
fn metrics(line: &Line, stack: &str) -> Map<String, Value> {
    let is_stored = line.status < 400 && line.totals.write_units > 0.0;
    let counts = [
        ("requests", true),
        // Only what has a cause on our side: nobody may set off an alarm by what they ask for.
        ("failed", line.status >= 500 && line.cause.is_some()),
        ("limited", line.status == 429),
        ("stored", is_stored),
        ("cold_starts", line.cold_start),
    ];
    let names = counts.iter().map(|(name, _)| json!({ "Name": name, "Unit": "Count" }));
    let latency = json!({ "Name": "latency_ms", "Unit": "Milliseconds" });
    let directive = json!({
        "Timestamp": Timestamp::now().millis(),
        "CloudWatchMetrics": [{
            "Namespace": "Sotto",
            "Dimensions": [["stack"]],
            "Metrics": names.chain([latency]).collect::<Vec<_>>(),
        }],
    });
    let values = counts.iter().map(|(name, holds)| ((*name).to_owned(), Value::from(u8::from(*holds))));
    values.chain([("stack".to_owned(), Value::from(stack)), ("_aws".to_owned(), directive)]).collect()
}

/// Why the process ends.
pub fn stopped(reason: &str) {
    write(&json!({ "level": "fatal", "message": reason }));
}

/// A panic's own message may quote what someone wrote: only its place is logged.
pub fn silence_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        write(&json!({ "level": "fatal", "message": "panicked", "place": place }));
    }));
}

/// A log that can't be written must not fail the request.
fn write(value: &Value) {
    let _ = writeln!(io::stdout().lock(), "{value}");
}
