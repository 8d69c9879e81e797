//! Waiting for a condition, and the product's time format.

use std::time::Duration;

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use tokio::time::Instant;

/// The deadline of a condition. It holds on a loaded machine with two cores, where a worker starts slowly and records of other
/// tests come first. Only a failing test waits for all of it.
pub const SOON: Duration = Duration::from_secs(300);

/// Calls `probe` until it returns something. No other function of these tests waits for time to pass.
pub async fn eventually<T>(what: &str, within: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// The time `ms` milliseconds from now as the product writes times.
pub fn in_ms(ms: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    (now() + time::Duration::milliseconds(ms)).format(&format).expect("a time has this form")
}

/// Parses a time. It must have the product's only form: RFC 3339 in UTC with milliseconds.
#[track_caller]
pub fn time(value: &serde_json::Value) -> OffsetDateTime {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    let time = OffsetDateTime::parse(text, &Rfc3339).unwrap_or_else(|e| panic!("{text} is no time: {e}"));
    assert_eq!(time.offset(), UtcOffset::UTC);
    assert!(text.len() == 24 && text.ends_with('Z'), "{text} is not like 2026-02-06T12:37:51.523Z");
    time
}

/// A whole number of an answer's header or body.
#[track_caller]
pub fn whole_number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is not a whole number"))
}
