//! Ids of users and of what they own: 24 lower-case hex digits. They are 6 bytes of Unix milliseconds and 6 random
//! bytes, so ids sort by the millisecond of their making. Ids of devices and sessions are 32 digits, all random.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Invalid, Parse, Timestamp, deserialize_text};

/// Digits are read in either case. With `as_written`, only as we write them: for the parts of names that are compared as texts.
macro_rules! hex_type {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $expected:literal) => {
        hex_type!(@ $(#[$doc])* $name, $bytes, $expected, |_| true);
    };
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $expected:literal, as_written) => {
        hex_type!(@ $(#[$doc])* $name, $bytes, $expected, |text| !text.bytes().any(|byte| byte.is_ascii_uppercase()));
    };
    (@ $(#[$doc:meta])* $name:ident, $bytes:literal, $expected:literal, $is_fine:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $bytes]);

        impl $name {
            pub fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl super::CursorId<$bytes> for $name {
            fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self::from_bytes(bytes)
            }

            fn as_bytes(&self) -> &[u8; $bytes] {
                self.as_bytes()
            }
        }

        impl Parse for $name {
            fn parse(text: &str) -> Result<Self, Invalid> {
                let is_fine: fn(&str) -> bool = $is_fine;
                let mut bytes = [0; $bytes];
                match hex::decode_to_slice(text, &mut bytes) {
                    Ok(()) if is_fine(text) => Ok(Self(bytes)),
                    _ => Err(Invalid(concat!("must be ", $expected))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_text(deserializer, $expected)
            }
        }
    };
}

pub(super) use hex_type;

macro_rules! timed_id_type {
    ($(#[$doc:meta])* $name:ident) => {
        hex_type!($(#[$doc])* $name, 12, "an id of 24 hex digits");

        impl $name {
            /// An id of the millisecond `now`; the random part must come from a CSPRNG.
            pub fn new(now: Timestamp, random: [u8; 6]) -> Self {
                let mut bytes = [0; 12];
                bytes[..6].copy_from_slice(&now.millis().to_be_bytes()[2..]);
                bytes[6..].copy_from_slice(&random);
                Self(bytes)
            }

            /// The millisecond of its making.
            pub fn made_at(&self) -> Timestamp {
                Timestamp::from_millis(self.0[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte)))
            }
        }
    };
}

timed_id_type!(
    /// A user, for as long as the account lives: a username may be claimed by another user later, an id never.
    UserId
);
timed_id_type!(
    /// A message in somebody's inbox.
    InboxMessageId
);
timed_id_type!(
    /// A private message. Those of one conversation sort in the order in which they were written to it.
    PrivateMessageId
);
hex_type!(
    /// A private conversation: the same for the same two users, whoever writes first.
    ConversationId, 12, "an id of 24 hex digits"
);
hex_type!(
    /// A device of a user. Whoever presents it with the right password is trusted as the device is. Therefore it is
    /// all random.
    DeviceId, 16, "an id of 32 hex digits"
);
hex_type!(
    /// One sign-in on a device: the next one there takes its place.
    SessionId, 16, "an id of 32 hex digits"
);

impl PrivateMessageId {
    /// An id of `now` that sorts behind `last`, whatever its clock was.
    pub fn after(last: Option<Self>, now: Timestamp, random: [u8; 6]) -> Self {
        let next = last.map_or(now, |last| Timestamp::from_millis(last.made_at().millis() + 1));
        Self::new(if next > now { next } else { now }, random)
    }
}

impl ConversationId {
    /// Begins with the moment from which there could have been a conversation, when the later of the two users signed up;
    /// `hash` must be of the two users in either order.
    pub fn new(users: [UserId; 2], hash: [u8; 6]) -> Self {
        let mut bytes = [0; 12];
        let later = users[0].max(users[1]);
        bytes[..6].copy_from_slice(&later.as_bytes()[..6]);
        bytes[6..].copy_from_slice(&hash);
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::UploadId;

    #[test]
    fn an_id_sorts_by_its_millisecond_and_tells_it() {
        let earlier = InboxMessageId::new(Timestamp::from_millis(1_770_381_471_522), [255; 6]);
        let later = InboxMessageId::new(Timestamp::from_millis(1_770_381_471_523), [0; 6]);
        assert!(earlier < later && earlier.to_string() < later.to_string());
        assert_eq!(later.made_at(), Timestamp::from_millis(1_770_381_471_523));
        assert_eq!(later.to_string().len(), 24);
        assert_eq!(InboxMessageId::parse(&later.to_string()), Ok(later));
    }

    #[test]
    fn an_id_sorts_behind_the_last_one_whatever_the_clock_says() {
        let now = Timestamp::from_millis(1_770_381_471_523);
        for last in [now.millis() - 5, now.millis(), now.millis() + 5] {
            let last = PrivateMessageId::new(Timestamp::from_millis(last), [255; 6]);
            assert!(PrivateMessageId::after(Some(last), now, [0; 6]) > last);
        }
        assert_eq!(PrivateMessageId::after(None, now, [0; 6]).made_at(), now);
    }

    #[test]
    fn digits_are_read_in_either_case() {
        assert_eq!(UserId::parse(&"A".repeat(24)).map(|id| id.to_string()), Ok("a".repeat(24)));
        for text in ["", "x", &"0".repeat(23), &"0".repeat(25), &"g".repeat(24), &"ä".repeat(12)] {
            assert!(UserId::parse(text).is_err(), "{text}");
        }
        assert!(DeviceId::parse(&"0".repeat(24)).is_err() && DeviceId::parse(&"0".repeat(32)).is_ok());
        assert!(UploadId::parse(&"A".repeat(32)).is_err() && UploadId::parse(&"a".repeat(32)).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in any::<String>()) {
            if let Ok(id) = UserId::parse(&text) {
                prop_assert_eq!(id.to_string(), text.to_ascii_lowercase());
            }
        }
    }
}
