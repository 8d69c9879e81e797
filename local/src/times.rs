//! Times in AWS's JSON: RFC 3339, in UTC.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// `2026-01-01T00:00:00Z`
pub fn seconds(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(SECONDS).unwrap_or_default()
}

/// `2026-01-01T00:00:00.000Z`
pub fn milliseconds(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(MILLISECONDS).unwrap_or_default()
}
