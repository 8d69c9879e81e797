//! The log: JSON, one line for each request. It says what happened, never what was said or who said it.

use std::{
    io::{self, Write},
    panic,
    time::Duration,
};

use serde_json::{Value, json};

use crate::tally::Sums;

/// One request. None of its fields can hold content, an address, a token or a query string.
pub struct Line<'a> {
    pub request_id: &'a str,
    /// Method and path as the template declares them, not as they were called.
    pub route: &'a str,
    pub status: u16,
    pub latency: Duration,
    pub sums: Sums,
    pub cold_start: bool,
    pub cause: Option<String>,
}

pub fn request(line: &Line) {
    let level = match (&line.cause, &line.sums.degraded) {
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
        "round_trips": line.sums.round_trips,
        "read_units": line.sums.read_units,
        "write_units": line.sums.write_units,
        "actions": line.sums.actions,
        "cold_start": line.cold_start,
    });
    if let (Some(cause), Some(fields)) = (line.cause.as_ref().or(line.sums.degraded.as_ref()), value.as_object_mut()) {
        fields.insert("cause".to_owned(), Value::from(cause.as_str()));
    }
    write(&value);
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
