//! Numbers with bounds.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};

use super::{Invalid, Parse};

/// How many messages a link holds at most: 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MaxMessages(u32);

impl MaxMessages {
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for MaxMessages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl Visitor<'_> for Bounded {
            type Value = MaxMessages;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 1 to 1000000")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<MaxMessages, E> {
                match u32::try_from(number) {
                    Ok(number @ 1..=1_000_000) => Ok(MaxMessages(number)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
                }
            }
        }
        deserializer.deserialize_u32(Bounded)
    }
}

/// How many entries of a list are wanted: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    pub const MAX: Self = Self(100);

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
    fn a_cap_is_a_whole_number_within_its_bounds() {
        assert_eq!(serde_json::from_str::<MaxMessages>("1000000").unwrap().get(), 1_000_000);
        for json in ["0", "1000001", "-1", "1.5", "1.0", "\"5\"", "true", "null", "4294967297"] {
            assert!(serde_json::from_str::<MaxMessages>(json).is_err(), "{json}");
        }
    }
}
