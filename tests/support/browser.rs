//! A browser that receives pushes. It subscribes as `PushManager.subscribe()` does and decrypts messages as RFC 8291 says,
//! with code of its own: it shares none with the product.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::{PublicKey, SecretKey, ecdh};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{SOON, User, eventually, pushes_for};

pub struct Browser {
    key: SecretKey,
    auth: [u8; 16],
    pub endpoint: String,
}

impl Browser {
    /// A Chrome browser that has not subscribed yet.
    pub fn new() -> Browser {
        let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
        let bytes = [*one.as_bytes(), *other.as_bytes()].concat();
        let key = SecretKey::from_slice(&bytes).expect("nearly every 32 bytes are a key");
        let endpoint = format!("https://fcm.googleapis.com/fcm/send/{}:APA91b{}", one.simple(), other.simple());
        Browser { key, auth: *Uuid::new_v4().as_bytes(), endpoint }
    }

    /// A browser that has subscribed for this user.
    pub async fn of(user: &User) -> Browser {
        let browser = Browser::new();
        user.post("/api/v1/push/subscriptions").json(&browser.subscription()).send().await.ok(201);
        browser
    }

    /// The subscription as `JSON.stringify(subscription)` writes it.
    pub fn subscription(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let keys = json!({ "p256dh": encode(&self.public()), "auth": encode(&self.auth) });
        json!({ "endpoint": self.endpoint, "expirationTime": null, "keys": keys })
    }

    fn public(&self) -> Vec<u8> {
        self.key.public_key().to_encoded_point(false).as_bytes().to_vec()
    }

    /// The messages that its push service has received, newest first.
    pub async fn pushes(&self) -> Vec<Push> {
        let pushes = pushes_for(&self.endpoint).await;
        pushes.iter().map(|push| Push { headers: push["headers"].clone(), message: self.read(push) }).collect()
    }

    /// Waits for that many messages and returns them, newest first.
    pub async fn has(&self, count: usize) -> Vec<Push> {
        let has = async || Some(self.pushes().await).filter(|pushes| pushes.len() >= count);
        eventually(&format!("{count} pushes"), SOON, has).await
    }

    /// Decrypts (RFC 8291, section 3.4; RFC 8188, section 2).
    fn read(&self, push: &Value) -> Value {
        let body = BASE64_STANDARD.decode(push["body"].as_str().expect("a body")).expect("base64");
        let (salt, rest) = body.split_at(16);
        let (record_size, rest) = rest.split_at(4);
        assert!(u32::from_be_bytes(record_size.try_into().expect("four bytes")) as usize > rest.len() - 66);
        let (length, rest) = rest.split_first().expect("a length");
        assert_eq!(*length, 65);
        let (sender, sealed) = rest.split_at(65);
        let theirs = PublicKey::from_sec1_bytes(sender).expect("a public key");
        let shared = ecdh::diffie_hellman(self.key.to_nonzero_scalar(), theirs.as_affine());
        let hmac = |key: &[u8], data: &[u8]| sign(&Key::new(HMAC_SHA256, key), data).as_ref().to_vec();
        let info = [b"WebPush: info\0", &self.public()[..], sender, &[1]].concat();
        let secret = hmac(&hmac(&self.auth, shared.raw_secret_bytes()), &info);
        let pseudorandom = hmac(salt, &secret);
        let key = &hmac(&pseudorandom, b"Content-Encoding: aes128gcm\0\x01")[..16];
        let nonce = &hmac(&pseudorandom, b"Content-Encoding: nonce\0\x01")[..12];
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("16 bytes"));
        let mut opened = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).expect("12 bytes");
        let opened = key.open_in_place(nonce, Aad::empty(), &mut opened).expect("sealed for this browser");
        let end = opened.iter().rposition(|byte| *byte != 0).expect("a delimiter");
        assert_eq!(opened[end], 2, "the delimiter of a last record");
        serde_json::from_slice(&opened[..end]).expect("JSON")
    }
}

/// A push message, decrypted by its browser.
pub struct Push {
    pub headers: Value,
    pub message: Value,
}

impl Push {
    pub fn says(&self) -> &str {
        self.message["body"].as_str().unwrap_or_else(|| panic!("no body: {}", self.message))
    }
}
