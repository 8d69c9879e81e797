//! Points in time as the contract writes them: RFC 3339, UTC, milliseconds.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::format_description};

use super::{Invalid, Parse, deserialize_text};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Milliseconds since the Unix epoch, from year 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    pub fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since_epoch.as_millis() as i64)
    }

    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, as DynamoDB's time to live counts them; rounded up, so that nothing goes early.
    pub const fn seconds(self) -> i64 {
        (self.0 + 999).div_euclid(1000)
    }

    /// Days since the epoch, in UTC.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    /// The first millisecond of a day since the epoch.
    pub const fn day_start(day: i64) -> Self {
        Self(day * DAY)
    }

    /// Nothing if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }

    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_millis() as i64))
    }
}

impl Parse for Timestamp {
    /// Any RFC 3339 time of the years 1970 to 9999, with any offset; what is finer than a millisecond is cut off.
    fn parse(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid("must be a time such as 2026-02-06T12:37:51.523Z");
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| INVALID)?;
        let utc = time.checked_to_offset(UtcOffset::UTC).ok_or(INVALID)?;
        if !(1970..=9999).contains(&utc.year()) {
            return Err(INVALID);
        }
        Ok(Self((utc.unix_timestamp_nanos() / 1_000_000) as i64))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).map_err(|_| fmt::Error)?;
        f.write_str(&time.format(&format).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, "a time such as 2026-02-06T12:37:51.523Z")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_offset_is_read_and_utc_with_milliseconds_is_written() {
        for (text, written) in [
            ("2026-02-06T12:37:51.523Z", "2026-02-06T12:37:51.523Z"),
            ("2026-02-06T13:37:51.523999+01:00", "2026-02-06T12:37:51.523Z"),
            ("2026-02-06T12:37:51Z", "2026-02-06T12:37:51.000Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "tomorrow", "2026-02-06", "2026-02-30T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"]
        {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0i64..253_402_300_799_999) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "\\PC*") {
            let _ = Timestamp::parse(&text);
        }
    }
}
