//! Ids of links and their messages: UUIDv7 (RFC 9562), so that they sort by the millisecond of their making.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid};

use super::{Invalid, Parse, Timestamp, deserialize_text};

macro_rules! uuid_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// An id of the millisecond `now`; the random part must come from a CSPRNG.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                Self(Builder::from_unix_timestamp_millis(now.millis().unsigned_abs(), &random).into_uuid())
            }

            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl super::CursorId<16> for $name {
            fn from_bytes(bytes: [u8; 16]) -> Self {
                Self::from_bytes(bytes)
            }

            fn as_bytes(&self) -> &[u8; 16] {
                self.as_bytes()
            }
        }

        impl Parse for $name {
            /// Takes the hyphenated lower-case form only, the one that we write.
            fn parse(text: &str) -> Result<Self, Invalid> {
                let id = Uuid::try_parse(text).map_err(|_| Invalid("must be a UUID"))?;
                let canonical = id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
                if canonical { Ok(Self(id)) } else { Err(Invalid("must be a UUID")) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_text(deserializer, "a UUID")
            }
        }
    };
}

pub(super) use uuid_type;

uuid_type!(
    /// A link, for as long as it lives: a slug may be given to another link later, its id never.
    LinkId
);
uuid_type!(
    /// A message that was sent to a link.
    LinkMessageId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_7_uuid_that_sorts_by_its_millisecond() {
        let earlier = LinkId::new(Timestamp::from_millis(1_770_381_471_522), [255; 10]);
        let later = LinkId::new(Timestamp::from_millis(1_770_381_471_523), [0; 10]);
        assert!(earlier < later && earlier.to_string() < later.to_string());
        assert_eq!(later.to_string().as_bytes()[14], b'7');
        assert_eq!(LinkId::parse(&later.to_string()), Ok(later));
    }

    #[test]
    fn only_the_form_that_we_write_is_read() {
        for text in ["", "x", "019C33B7-0A43-7000-8000-000000000000", "019c33b70a4370008000000000000000"] {
            assert!(LinkId::parse(text).is_err(), "{text}");
        }
    }
}
