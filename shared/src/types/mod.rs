//! Values that are valid because they exist: each is made only by parsing. Serde, paths and queries use the same door.
//! What lives here knows no store, no HTTP and no clock of its own.

mod accounts;
mod communities;
mod hex_ids;
mod ids;
mod linkable;
mod media;
mod numbers;
mod patch;
mod push;
pub mod schema;
mod slug;
mod spelling;
mod texts;
mod time;

use std::{fmt, marker::PhantomData};

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

pub use accounts::{Code, CodeTry, DeviceName, Email, Identifier, Password, PasswordTry, Username};
pub use communities::{CommunityId, CommunityMessageId, CommunityName, CommunityText, ConversationTag};
pub use hex_ids::{ConversationId, DeviceId, InboxMessageId, PrivateMessageId, SessionId, UserId};
pub use ids::{LinkId, LinkMessageId};
pub use linkable::becomes_link;
pub use media::{
    AssetId, AssetSet, ContentType, FileName, MediaKind, MessageKind, NotOwn, PublicIds, Upload, UploadId,
    UploadReference, essence,
};
pub use numbers::{ByteCount, MaxMessages, PageNumber, PageSize};
pub use patch::{Patch, given};
pub use push::{BrowserSubscription, PushEndpoint, PushKey, PushSecret, PushSubscriptionId};
pub use slug::Slug;
pub use spelling::{Respelled, fields_of, respelled};
pub use texts::{Description, IdempotencyKey, InboxText, LinkText, Pin, PinTry, PrivateText, Title, opaque};
pub use time::Timestamp;

/// Why a text is not a value: the second half of a sentence whose first half is the field's name.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The one way to make a value of text from outside.
pub trait Parse: Sized {
    fn parse(text: &str) -> Result<Self, Invalid>;
}

/// An id of `N` bytes that a cursor can carry.
pub trait CursorId<const N: usize> {
    fn from_bytes(bytes: [u8; N]) -> Self;

    fn as_bytes(&self) -> &[u8; N];
}

/// Reads any [`Parse`] from a serde string.
fn deserialize_text<'de, T: Parse, D: Deserializer<'de>>(
    deserializer: D,
    expecting: &'static str,
) -> Result<T, D::Error> {
    struct Text<T>(&'static str, PhantomData<T>);
    impl<T: Parse> Visitor<'_> for Text<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            T::parse(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(expecting, PhantomData))
}

/// A body, or an object within one. Serde alone takes a list of the fields' values for one, too, and passes over a field in another
/// spelling.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Object<T>, M::Error> {
                let spelled = spelling::Spelled { object: map, known: fields_of::<T>() };
                T::deserialize(MapAccessDeserializer::new(spelled)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// Gives a newtype over `String` its reading and, where it has one, its length; its rules stand in its `Parse`.
macro_rules! text_type {
    ($name:ident, $length:expr) => {
        impl $name {
            /// In characters.
            pub const LENGTH: std::ops::RangeInclusive<usize> = $length;
        }
        $crate::types::text_type!($name);
    };
    ($name:ident) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::types::deserialize_text(deserializer, "text")
            }
        }
    };
}
pub(crate) use text_type;
