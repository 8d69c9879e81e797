//! A push subscription as a browser writes it (Push API, `PushSubscription.toJSON`). Our servers call the endpoint, so
//! it is held against the hosts of the known push services, to the letter.

use std::fmt;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_URL_SAFE_NO_PAD,
};
use p256::PublicKey;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};
use utoipa::ToSchema;

use super::{Invalid, Object, Parse, deserialize_text, hex_ids::hex_type, text_type};

hex_type!(
    /// A push subscription. Its id depends on the endpoint alone. So a browser that subscribes again renews its subscription, and one
    /// endpoint has one subscription, whichever user it belongs to.
    PushSubscriptionId, 16, "an id of 32 hex digits", as_written
);

/// The push services of Chrome (and browsers built on it), Firefox, Safari and Edge. Some are whole hosts, some are
/// domains with a host for each server.
const HOSTS: [&str; 2] = ["fcm.googleapis.com", "web.push.apple.com"];
const DOMAINS: [&str; 3] = ["push.services.mozilla.com", "push.apple.com", "notify.windows.com"];

/// Where a push service takes messages for one subscription: `https://<a known host>/<something>`, at most 2,048 characters of a
/// URI (RFC 3986), without user, port or fragment. Two texts that name one endpoint become one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PushEndpoint(String);
text_type!(PushEndpoint, 0..=2048);

impl PushEndpoint {
    const SCHEME: &str = "https://";

    pub fn host(&self) -> &str {
        self.parts().0
    }

    /// The audience of a VAPID token (RFC 8292, section 2).
    pub fn origin(&self) -> String {
        format!("{}{}", Self::SCHEME, self.host())
    }

    /// Path and query, with the slash at their beginning.
    pub fn path(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        let rest = &self.0[Self::SCHEME.len()..];
        rest.split_at(rest.find('/').unwrap_or(rest.len()))
    }
}

impl Parse for PushEndpoint {
    fn parse(text: &str) -> Result<Self, Invalid> {
        if !Self::LENGTH.contains(&text.len()) {
            return Err(Invalid("must be at most 2048 characters"));
        }
        let rest = text.strip_prefix(Self::SCHEME).ok_or(Invalid("must be an https URL"))?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        // The one port that may be named is https's own.
        let host = authority.strip_suffix(":443").unwrap_or(authority).to_ascii_lowercase();
        if !is_known(&host) {
            return Err(Invalid("must be on the host of a known push service"));
        }
        match path.strip_prefix('/') {
            Some(rest) if !rest.is_empty() && is_path_and_query(rest) => {
                Ok(Self(format!("{}{host}{path}", Self::SCHEME)))
            }
            _ => Err(Invalid("must be a URL with a path, without a fragment")),
        }
    }
}

/// In lower case.
fn is_known(host: &str) -> bool {
    let within =
        |domain: &&str| host.strip_suffix(*domain).and_then(|rest| rest.strip_suffix('.')).is_some_and(is_name);
    HOSTS.contains(&host) || DOMAINS.iter().any(within)
}

/// Labels of letters, digits and hyphens (RFC 1123, section 2.1).
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 200 && name.split('.').all(is_label)
}

/// What RFC 3986 lets stand in a path and a query.
fn is_path_and_query(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_fine = match byte {
            b'%' => {
                [bytes.next(), bytes.next()].iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte),
        };
        if !is_fine {
            return false;
        }
    }
    true
}

/// As browsers write it, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `N` bytes in base64url.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Length first: what can't be ours is not decoded.
    if text.len() > N.div_ceil(3) * 4 {
        return None;
    }
    BASE64.decode(text).ok()?.try_into().ok()
}

macro_rules! base64_type {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $expected:literal, $is_one:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name([u8; $bytes]);

        impl $name {
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl Parse for $name {
            fn parse(text: &str) -> Result<Self, Invalid> {
                let is_one: fn(&[u8; $bytes]) -> bool = $is_one;
                bytes(text).filter(is_one).map(Self).ok_or(Invalid(concat!("must be ", $expected)))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_text(deserializer, $expected)
            }
        }
    };
}

base64_type!(
    /// A browser's public key: an uncompressed point of P-256 (RFC 8291, section 3.1), and one that is on the curve.
    PushKey, 65, "the base64url of an uncompressed P-256 public key", |point| PublicKey::from_sec1_bytes(point).is_ok()
);
base64_type!(
    /// The secret that a browser shares with its senders, and with nobody between them (RFC 8291, section 3.2).
    PushSecret, 16, "the base64url of 16 bytes", |_| true
);

/// A browser's `PushSubscription`, as its `toJSON` has it. Fields that browsers may add are passed over.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrowserSubscription {
    pub endpoint: PushEndpoint,
    #[schema(value_type = Option<f64>)]
    #[serde(default, rename = "expirationTime")]
    _expiration_time: ExpirationTime,
    #[schema(value_type = BrowserKeys)]
    keys: Object<BrowserKeys>,
}

#[derive(Deserialize, ToSchema)]
struct BrowserKeys {
    p256dh: PushKey,
    auth: PushSecret,
}

impl BrowserSubscription {
    pub fn into_parts(self) -> (PushEndpoint, PushKey, PushSecret) {
        (self.endpoint, self.keys.0.p256dh, self.keys.0.auth)
    }
}

/// Milliseconds since the epoch, or null; no browser is known to say more than null. Nothing is made of it: the push service says
/// when a subscription has ended.
#[derive(Default)]
struct ExpirationTime;

impl<'de> Deserialize<'de> for ExpirationTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrNull;
        impl Visitor<'_> for NumberOrNull {
            type Value = ExpirationTime;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or null")
            }
            fn visit_unit<E: de::Error>(self) -> Result<ExpirationTime, E> {
                Ok(ExpirationTime)
            }
            fn visit_u64<E: de::Error>(self, _: u64) -> Result<ExpirationTime, E> {
                Ok(ExpirationTime)
            }
            fn visit_i64<E: de::Error>(self, _: i64) -> Result<ExpirationTime, E> {
                Ok(ExpirationTime)
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<ExpirationTime, E> {
                Ok(ExpirationTime)
            }
        }
        deserializer.deserialize_any(NumberOrNull)
    }
}

#[cfg(test)]
mod tests;
