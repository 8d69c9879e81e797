//! Session tokens: JWTs signed with HS256 and nothing else. Two keys live at once, so that keys can be rotated without signing
//! anyone out: the current one signs, both verify. A token proves what was granted; whether it still holds, the store says.

use std::{collections::HashSet, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::types::{DeviceId, SessionId, Timestamp, UserId, Username};

/// How long a session lasts at most.
pub const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Clocks may differ by this much.
const LEEWAY: Duration = Duration::from_secs(60);
const ISSUER: &str = "sotto";
const AUDIENCE: &str = "sotto";
/// No token of ours is longer: what is, is not decoded.
const MAX_LENGTH: usize = 1024;

/// The claims of a token, with the short names of RFC 7519.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    name: Username,
    device: DeviceId,
    jti: SessionId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// The user and device of a session, and when it expires.
#[derive(Clone)]
pub struct Session {
    pub user: UserId,
    pub username: Username,
    pub device: DeviceId,
    pub id: SessionId,
    pub expires_at: Timestamp,
}

struct Key {
    /// The first 64 bits of the key's SHA-256, as hex.
    id: String,
    signs: EncodingKey,
    verifies: DecodingKey,
}

impl Key {
    fn new(secret: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, secret.as_bytes());
        Self {
            id: hex::encode(&hash.as_ref()[..8]),
            signs: EncodingKey::from_secret(secret.as_bytes()),
            verifies: DecodingKey::from_secret(secret.as_bytes()),
        }
    }
}

pub struct Sessions {
    current: Key,
    previous: Option<Key>,
}

impl Sessions {
    pub fn new(current: &str, previous: Option<&str>) -> Self {
        Self { current: Key::new(current), previous: previous.map(Key::new) }
    }

    /// The token of a session that begins at `now`.
    pub fn issue(&self, session: &Session, now: Timestamp) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: session.user,
            name: session.username.clone(),
            device: session.device,
            jti: session.id,
            iat: now.millis() / 1000,
            nbf: now.millis() / 1000,
            exp: session.expires_at.millis() / 1000,
        };
        let header = Header { kid: Some(self.current.id.clone()), ..Header::new(Algorithm::HS256) };
        encode(&header, &claims, &self.current.signs).expect("claims of text and numbers, signed with HMAC")
    }

    /// The session of a token that one of our keys signed, and whose time has come and is not over.
    pub fn read(&self, token: &str) -> Option<Session> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let id = decode_header(token).ok()?.kid?;
        let key = [Some(&self.current), self.previous.as_ref()].into_iter().flatten().find(|key| key.id == id)?;
        let claims = decode::<Claims>(token, &key.verifies, &rules()).ok()?.claims;
        if claims.exp.checked_sub(claims.iat)? > LIFETIME.as_secs() as i64 {
            return None;
        }
        Some(Session {
            user: claims.sub,
            username: claims.name,
            device: claims.device,
            id: claims.jti,
            expires_at: Timestamp::from_millis(claims.exp.checked_mul(1000)?),
        })
    }
}

fn rules() -> Validation {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.leeway = LEEWAY.as_secs();
    rules.validate_nbf = true;
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.required_spec_claims = HashSet::from(["exp", "nbf", "iss", "aud", "sub"].map(str::to_owned));
    rules
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::types::Parse;

    const NEW: &str = "the newest key of a test, long enough";
    const OLD: &str = "the key before it, also long enough to be one";

    fn session(now: Timestamp) -> Session {
        Session {
            user: UserId::new(now, [1; 6]),
            username: Username::parse("ann").unwrap(),
            device: DeviceId::from_bytes([2; 16]),
            id: SessionId::from_bytes([3; 16]),
            expires_at: now.after(LIFETIME),
        }
    }

    #[test]
    fn a_token_tells_its_session() {
        let (now, sessions) = (Timestamp::now(), Sessions::new(NEW, None));
        let read = sessions.read(&sessions.issue(&session(now), now)).unwrap();
        assert_eq!((read.user, read.device, read.id), (session(now).user, session(now).device, session(now).id));
        assert_eq!(read.username.as_str(), "ann");
    }

    #[test]
    fn both_living_keys_verify_and_no_other() {
        let now = Timestamp::now();
        let old = Sessions::new(OLD, None).issue(&session(now), now);
        assert!(Sessions::new(NEW, Some(OLD)).read(&old).is_some());
        assert!(Sessions::new(NEW, None).read(&old).is_none());
        assert!(Sessions::new("a third key of a test, unlike the others", Some(NEW)).read(&old).is_none());
    }

    #[test]
    fn times_have_a_leeway_of_a_minute() {
        let (now, sessions) = (Timestamp::now(), Sessions::new(NEW, None));
        let read = |begins: i64, ends: i64| {
            let at = |seconds: i64| Timestamp::from_millis(now.millis() + seconds * 1000);
            let session = Session { expires_at: at(ends), ..session(now) };
            sessions.read(&sessions.issue(&session, at(begins))).is_some()
        };
        assert!(read(0, 60) && read(-100, -50) && read(50, 100));
        assert!(!read(-100, -70) && !read(70, 100));
        assert!(!read(0, LIFETIME.as_secs() as i64 + 1));
    }

    #[test]
    fn a_forged_token_is_none() {
        let (now, sessions) = (Timestamp::now(), Sessions::new(NEW, None));
        let token = sessions.issue(&session(now), now);
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "0".repeat(24), "name": "ann", "device": "0".repeat(32),
            "jti": "0".repeat(32), "iat": now.seconds(), "nbf": now.seconds(), "exp": now.seconds() + 60,
        });
        let kid = sessions.current.id.clone();
        let made = |claims: &serde_json::Value, kid: &str, algorithm: Algorithm, key: &str| {
            let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
            encode(&header, claims, &EncodingKey::from_secret(key.as_bytes())).unwrap()
        };
        assert!(sessions.read(&made(&claims, &kid, Algorithm::HS256, NEW)).is_some());
        assert!(sessions.read(&made(&claims, &kid, Algorithm::HS512, NEW)).is_none());
        assert!(sessions.read(&made(&claims, &kid, Algorithm::HS256, &kid)).is_none());
        for kid in ["", "unknown", "../../dev/null", "/dev/null"] {
            assert!(sessions.read(&made(&claims, kid, Algorithm::HS256, NEW)).is_none());
        }
        for (claim, value) in
            [("aud", json!("other")), ("iss", json!("other")), ("sub", json!("x")), ("exp", json!("x"))]
        {
            let mut claims = claims.clone();
            claims[claim] = value;
            assert!(sessions.read(&made(&claims, &kid, Algorithm::HS256, NEW)).is_none(), "{claim}");
            claims.as_object_mut().unwrap().remove(claim);
            assert!(sessions.read(&made(&claims, &kid, Algorithm::HS256, NEW)).is_none(), "no {claim}");
        }
        let (signed, _) = token.rsplit_once('.').unwrap();
        for forged in ["", ".", "..", &token.replace('.', ""), signed, &format!("{signed}."), &format!("{token}A")] {
            assert!(sessions.read(forged).is_none(), "{forged}");
        }
    }

    proptest! {
        #[test]
        fn no_text_passes_for_a_token(text in any::<String>()) {
            prop_assert!(Sessions::new(NEW, Some(OLD)).read(&text).is_none());
        }
    }
}
