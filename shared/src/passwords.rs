//! Argon2id of what people choose: m = 19 MiB, t = 2, p = 1 (OWASP, "Password Storage Cheat Sheet"). 25-37 ms on one core,
//! so it runs off the async thread.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::tokens::random;

/// A PHC string: algorithm, parameters, salt, hash.
#[derive(Clone, Serialize, Deserialize)]
pub struct SecretHash(String);

impl SecretHash {
    pub async fn of(secret: &str) -> Self {
        let secret = secret.to_owned();
        let hash = spawn_blocking(move || {
            let salt: [u8; 16] = random();
            let hash = Argon2::default().hash_password_with_salt(secret.as_bytes(), &salt);
            hash.expect("a salt of 16 bytes and the default parameters are valid").to_string()
        });
        Self(hash.await.expect("hashing neither panics nor is cancelled"))
    }

    /// A hash that no secret has: checking it takes as long as checking any other.
    pub fn of_nobody() -> Self {
        let (salt, hash) = ("c2FsdCBvZiBub2JvZHkgIQ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        Self(format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub async fn is_of(&self, secret: &str) -> bool {
        let (hash, secret) = (self.0.clone(), secret.to_owned());
        let verified = spawn_blocking(move || {
            PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok())
        });
        verified.await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_knows_its_secret_and_no_other() {
        let hash = SecretHash::of("correct horse").await;
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(hash.is_of("correct horse").await);
        assert!(!hash.is_of("correct horsf").await);
        assert!(PasswordHash::new(SecretHash::of_nobody().as_str()).is_ok());
        assert!(!SecretHash::of_nobody().is_of("").await);
        assert!(!SecretHash("not a hash".to_owned()).is_of("").await);
    }
}
