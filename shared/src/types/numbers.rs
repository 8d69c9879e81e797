//! Numbers with bounds.

use std::{fmt, ops::RangeInclusive};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};

use super::{Invalid, Parse};

/// How many messages a link holds at most: 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MaxMessages(u32);

impl MaxMessages {
    pub const MOST: u32 = 1_000_000;

    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for MaxMessages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole_number(deserializer, 1..=Self::MOST.into(), "a whole number from 1 to 1000000")
            .map(|number| Self(number as u32))
    }
}

/// The size of an upload, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(u64);

impl ByteCount {
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for ByteCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // No store has larger objects (AWS, "Amazon S3 multipart upload limits").
        whole_number(deserializer, 1..=5 << 40, "a whole number from 1").map(Self)
    }
}

/// Reads a whole number of `range`, also one that is written as `5.0` or `5e0`; for anything else `expected` is named.
fn whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: RangeInclusive<u64>,
    expected: &'static str,
) -> Result<u64, D::Error> {
    struct Bounded(RangeInclusive<u64>, &'static str);
    impl Visitor<'_> for Bounded {
        type Value = u64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.1)
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
            if self.0.contains(&number) {
                Ok(number)
            } else {
                Err(E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
        }
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<u64, E> {
            // Up to here, each whole number has a double of its own.
            const MOST: f64 = (1u64 << 53) as f64;
            if number.fract() == 0.0 && (0.0..=MOST).contains(&number) {
                self.visit_u64(number as u64)
            } else {
                Err(E::invalid_value(de::Unexpected::Float(number), &self))
            }
        }
    }
    deserializer.deserialize_u64(Bounded(range, expected))
}

/// How many entries of a list are wanted: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    pub const MAX: Self = Self(100);
    pub const TWENTY: Self = Self(20);

    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Parse for PageSize {
    fn parse(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid("must be a whole number from 1 to 100");
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(INVALID);
        }
        match text.parse() {
            Ok(size @ 1..=100) => Ok(Self(size)),
            _ => Err(INVALID),
        }
    }
}

/// Which page of a list is wanted: 1 or more. One with more digits than there are numbers is behind the end of every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageNumber(u64);

impl PageNumber {
    pub const FIRST: Self = Self(1);

    /// How many entries come before it, with that many on a page.
    pub fn offset(self, size: PageSize) -> u64 {
        (self.0 - 1).saturating_mul(size.get() as u64)
    }
}

impl Parse for PageNumber {
    fn parse(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid("must be a whole number from 1");
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(INVALID);
        }
        match text.parse().unwrap_or(u64::MAX) {
            0 => Err(INVALID),
            number => Ok(Self(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_1_to_100() {
        assert_eq!(PageSize::parse("1").unwrap().get(), 1);
        assert_eq!(PageSize::parse("100"), Ok(PageSize::MAX));
        for text in ["", "0", "101", "256", "-1", "+5", "1.0", "x", "٣"] {
            assert!(PageSize::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pages_begin_with_1_and_never_end() {
        let offset = |text| PageNumber::parse(text).unwrap().offset(PageSize::MAX);
        assert_eq!((offset("1"), offset("002"), offset("1000000000")), (0, 100, 99_999_999_900));
        assert_eq!((offset("18446744073709551615"), offset(&"9".repeat(500))), (u64::MAX, u64::MAX));
        for text in ["", "0", "000", "-1", "+1", "1.0", "1e9", "x", " 1", "٣"] {
            assert!(PageNumber::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_a_whole_number_of_bytes() {
        for (json, bytes) in
            [("1", 1), ("1.0", 1), ("5e0", 5), ("1.5e1", 15), ("1E+3", 1000), ("5497558138880.0", 5 << 40)]
        {
            assert_eq!(serde_json::from_str::<ByteCount>(json).unwrap().get(), bytes, "{json}");
        }
        for json in ["1e300", "-0.0", "0.5", "9007199254740993.0", "-5.0"].into_iter().chain([
            "0",
            "-1",
            "1.5",
            "\"5\"",
            "null",
            "18446744073709551615",
            "18446744073709551616",
        ]) {
            let error = serde_json::from_str::<ByteCount>(json).unwrap_err().to_string();
            assert!(error.contains("expected a whole number from 1"), "{json}: {error}");
        }
    }

    #[test]
    fn a_cap_is_a_whole_number_within_its_bounds() {
        for json in ["1000000", "1000000.0", "1e6", "100.0e4"] {
            assert_eq!(serde_json::from_str::<MaxMessages>(json).unwrap().get(), 1_000_000, "{json}");
        }
        for json in
            ["0", "1000001", "-1", "1.5", "0.0", "1e7", "1e-1", "1000000.5", "\"5\"", "true", "null", "4294967297"]
        {
            assert!(serde_json::from_str::<MaxMessages>(json).is_err(), "{json}");
        }
    }
}
