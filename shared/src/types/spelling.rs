//! Names of fields in another spelling, such as `expires_at` for `expiresAt`. They are refused: a field that is passed over in silence,
//! such as the end of a link, would do harm.

use std::fmt;

use serde::{
    de::{self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor},
    forward_to_deserialize_any,
};

/// The field of `known` that `name` is another spelling of. Case, underscores and hyphens make no other name.
pub fn respelled(known: &[&'static str], name: &str) -> Option<&'static str> {
    if known.contains(&name) {
        return None;
    }
    let letters = |name: &str| {
        let joined = name.chars().filter(|c| !matches!(c, '_' | '-'));
        joined.flat_map(char::to_lowercase).collect::<String>()
    };
    let name = letters(name);
    known.iter().find(|known| !name.is_empty() && letters(known) == name).copied()
}

/// The names of the fields that `T` is read from; none if it is no struct.
pub fn fields_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // Always an error: there is nothing to read.
    let _ = T::deserialize(Asked(&mut fields));
    fields
}

/// Notes which fields a struct asks for, and gives it nothing.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("nothing to read"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

/// An object of whose fields none may be another spelling of a `known` one.
pub(super) struct Spelled<M> {
    pub object: M,
    pub known: &'static [&'static str],
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Spelled<M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, M::Error> {
        let Some(name) = self.object.next_key::<String>()? else { return Ok(None) };
        match respelled(self.known, &name) {
            Some(right) => Err(de::Error::custom(Respelled { name: &name, right })),
            None => seed.deserialize(name.into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, M::Error> {
        self.object.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.object.size_hint()
    }
}

/// Tells how the field is spelled, in a whole sentence.
pub struct Respelled<'a> {
    pub name: &'a str,
    pub right: &'static str,
}

impl Respelled<'_> {
    /// How the sentence goes on behind the name.
    pub const VERB: &'static str = "is not known: it is spelled";
    /// The same for a single word, which people can read in its other case: the words that any unknown field gets.
    pub const UNKNOWN: &'static str = "is not a known field";
}

impl fmt::Display for Respelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.to_lowercase() == self.right {
            true => write!(f, "{} {}", self.name, Self::UNKNOWN),
            false => write!(f, "{} {} {}", self.name, Self::VERB, self.right),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)] // read for its fields' names only
    struct Body {
        expires_at: String,
        #[serde(rename = "type")]
        kind: u8,
        p256dh: Option<String>,
    }

    #[test]
    fn a_struct_tells_its_fields() {
        assert_eq!(fields_of::<Body>(), ["expiresAt", "type", "p256dh"]);
        assert!(fields_of::<String>().is_empty() && fields_of::<Vec<Body>>().is_empty());
    }

    #[test]
    fn case_underscores_and_hyphens_make_no_other_name() {
        let known = fields_of::<Body>();
        for name in ["expires_at", "ExpiresAt", "expiresat", "EXPIRES_AT", "expires-at", "_expiresAt", "expires__at"] {
            assert_eq!(respelled(known, name), Some("expiresAt"), "{name}");
        }
        for name in ["expiresAt", "expires", "expires at", "at", "", "_", "expiresAtt", "types"] {
            assert_eq!(respelled(known, name), None, "{name}");
        }
        assert_eq!(respelled(known, "Type"), Some("type"));
        assert_eq!(Respelled { name: "Type", right: "type" }.to_string(), "Type is not a known field");
        let message = Respelled { name: "expires_at", right: "expiresAt" }.to_string();
        assert_eq!(message, "expires_at is not known: it is spelled expiresAt");
    }
}
