//! Ids of links and their messages: UUIDv7 (RFC 9562), so that they sort by the millisecond of their making.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid, fmt::Hyphenated};

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
            /// Takes the hyphenated form only. Its digits may be in either case (RFC 9562, section 4).
            fn parse(text: &str) -> Result<Self, Invalid> {
                let id = Uuid::try_parse(text).map_err(|_| Invalid("must be a UUID"))?;
                let is_hyphenated = text.len() == Hyphenated::LENGTH;
                if is_hyphenated { Ok(Self(id)) } else { Err(Invalid("must be a UUID")) }
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
    fn the_hyphenated_form_is_read_in_either_case() {
        let id = "019c33b7-0a43-7000-8000-00000000beef";
        for text in ["019C33B7-0A43-7000-8000-00000000BEEF", "019c33B7-0A43-7000-8000-00000000Beef"] {
            assert_eq!(LinkId::parse(text).map(|id| id.to_string()), Ok(id.to_owned()), "{text}");
        }
        for text in [
            "",
            "x",
            "019c33b70a4370008000000000000000",
            "{019c33b7-0a43-7000-8000-000000000000}",
            "urn:uuid:019c33b7-0a43-7000-8000-000000000000",
            "019c33b7-0a43-7000-8000-00000000000g",
            "019c33b70-a43-7000-8000-000000000000",
        ] {
            assert!(LinkId::parse(text).is_err(), "{text}");
        }
    }
}
