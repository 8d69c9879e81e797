//! Argon2id of what people choose, in its opaque form (RFC 8265): m = 19 MiB, t = 2, p = 1 (OWASP, "Password Storage Cheat Sheet"). 25-37 ms on one core,
//! so it runs off the async thread.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::{tokens::random, types::opaque};

/// A PHC string: algorithm, parameters, salt, hash. In front of it stands a mark, unless it is from before and was made of a text as it was
/// sent, in whatever form.
#[derive(Clone, Serialize, Deserialize)]
pub struct SecretHash(String);

/// The mark of hashes of the opaque form.
const OPAQUE: &str = "opaque";

impl SecretHash {
    pub async fn of(secret: &str) -> Self {
        let secret = opaque(secret);
        let hash = spawn_blocking(move || {
            let salt: [u8; 16] = random();
            let hash = Argon2::default().hash_password_with_salt(secret.as_bytes(), &salt);
            format!("{OPAQUE}{}", hash.expect("a salt of 16 bytes and the default parameters are valid"))
        });
        Self(hash.await.expect("hashing neither panics nor is cancelled"))
    }

    /// A hash that no secret has: checking it takes as long as checking any other.
    pub fn of_nobody() -> Self {
        let (salt, hash) = ("c2FsdCBvZiBub2JvZHkgIQ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        Self(format!("{OPAQUE}$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One hash is made, and a second one only for a hash from before and a secret that was not sent in its opaque form.
    pub async fn is_of(&self, secret: &str) -> bool {
        let (kept, secret) = (self.0.clone(), secret.to_owned());
        let verified = spawn_blocking(move || {
            let prepared = opaque(&secret);
            match kept.strip_prefix(OPAQUE) {
                Some(hash) => verifies(hash, &prepared),
                None => verifies(&kept, &prepared) || (prepared != secret && verifies(&kept, &secret)),
            }
        });
        verified.await.unwrap_or(false)
    }
}

fn verifies(hash: &str, secret: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash from before, of the text as it was sent.
    fn from_before(secret: &str) -> SecretHash {
        SecretHash(Argon2::default().hash_password_with_salt(secret.as_bytes(), &[7; 16]).unwrap().to_string())
    }

    #[tokio::test]
    async fn a_secret_is_one_secret_in_whatever_form_it_is_sent() {
        let forms = ["pässwört café 1", "pa\u{308}sswo\u{308}rt cafe\u{301} 1", "pässwört\u{A0}café\u{3000}1"];
        for chosen in forms {
            let hash = SecretHash::of(chosen).await;
            for tried in forms {
                assert!(hash.is_of(tried).await, "{chosen:?} {tried:?}");
            }
            assert!(!hash.is_of("passwort cafe 1").await && !hash.is_of("pässwört café 1 ").await);
        }
    }

    #[tokio::test]
    async fn a_hash_from_before_verifies_the_text_that_it_was_made_of() {
        let (composed, decomposed) = ("café noir", "cafe\u{301} noir");
        let old = from_before(composed);
        assert!(old.is_of(composed).await && old.is_of(decomposed).await);
        let old = from_before(decomposed);
        assert!(old.is_of(decomposed).await && !old.is_of("cafe noir").await);
        // Nobody knows which form was typed then, so the same form has to be typed now.
        assert!(!old.is_of(composed).await);
    }

    #[tokio::test]
    async fn a_hash_knows_its_secret_and_no_other() {
        let hash = SecretHash::of("correct horse").await;
        assert!(hash.0.starts_with("opaque$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(hash.is_of("correct horse").await);
        assert!(!hash.is_of("correct horsf").await);
        assert!(PasswordHash::new(SecretHash::of_nobody().as_str().strip_prefix(OPAQUE).unwrap()).is_ok());
        assert!(!SecretHash::of_nobody().is_of("").await);
        assert!(!SecretHash("not a hash".to_owned()).is_of("").await);
    }
}
