//! VAPID (RFC 8292) tells push services who sends a push message. The key derives from a secret of its own, as browsers bind
//! their subscriptions to the key. So it changes only with that secret.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use p256::{SecretKey, elliptic_curve::sec1::ToEncodedPoint, pkcs8::EncodePrivateKey};
use ring::hmac;
use serde::Serialize;

use crate::{error::StoreError, types::Timestamp};

/// Half of what RFC 8292, section 2, allows: clocks may differ.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

pub struct VapidKey {
    public: [u8; 65],
    signs: EncodingKey,
}

/// See RFC 7519 for the short names.
#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

impl VapidKey {
    /// Always the same key for the same secret.
    pub fn from_secret(secret: &str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        // All numbers but one in 2^32 are private keys.
        let mut numbers = (0..=u8::MAX).map(|n| hmac::sign(&root, &[b"vapid-p256-", &[n][..]].concat()));
        let key = numbers.find_map(|number| SecretKey::from_slice(number.as_ref()).ok());
        let key = key.expect("one of 256 numbers is a private key");
        let mut public = [0; 65];
        public.copy_from_slice(key.public_key().to_encoded_point(false).as_bytes());
        let private = key.to_pkcs8_der().expect("a key can be written as PKCS #8");
        Self { public, signs: EncodingKey::from_ec_der(private.as_bytes()) }
    }

    /// The uncompressed point.
    pub fn public(&self) -> [u8; 65] {
        self.public
    }

    /// What browsers subscribe with, as `applicationServerKey`.
    pub fn public_text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.public)
    }

    /// The header `Authorization` for pushes to `audience`, the origin of an endpoint, for 12 hours from `now`. `subject` is where
    /// the push service reaches who runs this: a `mailto:` or `https:` URI.
    pub fn authorization(&self, audience: &str, subject: &str, now: Timestamp) -> Result<String, StoreError> {
        let claims = Claims { aud: audience, exp: now.after(LIFETIME).millis() / 1000, sub: subject };
        let token = encode(&Header::new(Algorithm::ES256), &claims, &self.signs)
            .map_err(|error| StoreError::unwritable("a VAPID token", error))?;
        Ok(format!("vapid t={token}, k={}", self.public_text()))
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use p256::PublicKey;
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "a secret of a test, long enough to be one";

    #[test]
    fn a_secret_has_one_key_which_is_a_point_on_the_curve() {
        let key = VapidKey::from_secret(SECRET);
        assert_eq!(key.public(), VapidKey::from_secret(SECRET).public());
        assert_ne!(key.public(), VapidKey::from_secret("another secret of a test, long enough too").public());
        assert!(PublicKey::from_sec1_bytes(&key.public()).is_ok() && key.public()[0] == 4);
        assert_eq!(key.public_text().len(), 87);
    }

    /// Browsers refuse a push of another key than the one that they subscribed with: a change of the derivation ends every
    /// subscription there is.
    #[test]
    fn the_key_of_a_secret_never_changes() {
        // Of the private key HMAC-SHA-256(secret, "vapid-p256-" and a byte 0), by another implementation.
        let public = "BOzoJ45ZQol0CyT7E4LnVakBy6z6QZDN1HDGkxDo0Fi5Ltwe1sKfXws0GUFThyd-TiOb0BGNf2O5N5jo1EPsN4A";
        assert_eq!(VapidKey::from_secret(SECRET).public_text(), public);
    }

    #[test]
    fn a_push_service_can_verify_who_sends() {
        let (key, now) = (VapidKey::from_secret(SECRET), Timestamp::now());
        let header = key.authorization("https://push.example", "mailto:ann@example.com", now).unwrap();
        let (token, public) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(public, key.public_text());
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&["https://push.example"]);
        let verifies = DecodingKey::from_ec_der(&key.public());
        let claims = decode::<Value>(token, &verifies, &rules).unwrap().claims;
        let exp = now.millis() / 1000 + 12 * 60 * 60;
        assert_eq!(claims, json!({ "aud": "https://push.example", "exp": exp, "sub": "mailto:ann@example.com" }));
        let other = VapidKey::from_secret("another secret of a test, long enough too");
        assert!(decode::<Value>(token, &DecodingKey::from_ec_der(&other.public()), &rules).is_err());
    }
}
