//! Messages that only one browser can read (RFC 8291): a single record of RFC 8188's aes128gcm.
//!
//! The crate web-push-native 0.5 is not used for two reasons. It states the record's exact size, where RFC 8291, section 4, asks for a
//! greater one. And it does not pad, so a push service could tell names by their lengths.

use p256::{PublicKey, SecretKey, ecdh::diffie_hellman, elliptic_curve::sec1::ToEncodedPoint};
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};

use crate::{
    tokens::random,
    types::{PushKey, PushSecret},
};

/// What every push service takes (RFC 8030, section 7.2), and so the largest record that there can be.
const RECORD_SIZE: u32 = 4096;
/// Messages are padded to a multiple of this.
const BLOCK: usize = 512;
/// The most that fits a record with its delimiter and tag, behind salt, size and key.
const LONGEST: usize = RECORD_SIZE as usize - 86 - 17;

/// `None` for a message that is too long, or a key that is none.
pub fn encrypt(message: &[u8], key: &PushKey, auth: &PushSecret) -> Option<Vec<u8>> {
    let browser = PublicKey::from_sec1_bytes(key.as_bytes()).ok()?;
    // All numbers but one in 2^32 are private keys.
    let own = (0..8).find_map(|_| SecretKey::from_slice(&random::<32>()).ok())?;
    let length = (message.len() + 1).next_multiple_of(BLOCK).min(LONGEST);
    seal(message, length, &browser, auth.as_bytes(), &own, random())
}

/// `length`: of the message with its padding.
fn seal(
    message: &[u8],
    length: usize,
    browser: &PublicKey,
    auth: &[u8; 16],
    own: &SecretKey,
    salt: [u8; 16],
) -> Option<Vec<u8>> {
    let padding = length.checked_sub(message.len())?;
    let (theirs, ours) = (browser.to_encoded_point(false), own.public_key().to_encoded_point(false));
    let shared = diffie_hellman(own.to_nonzero_scalar(), browser.as_affine());
    let secret: [u8; 32] =
        derive(auth, shared.raw_secret_bytes(), &[b"WebPush: info\0", theirs.as_bytes(), ours.as_bytes()])?;
    let content_key: [u8; 16] = derive(&salt, &secret, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = derive(&salt, &secret, &[b"Content-Encoding: nonce\0"])?;

    // The delimiter of a last record, and zeros.
    let mut sealed = [message, &[2], &vec![0; padding]].concat();
    let content_key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content_key).ok()?);
    content_key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).ok()?;
    Some([&salt[..], &RECORD_SIZE.to_be_bytes(), &[65], ours.as_bytes(), &sealed].concat())
}

/// HKDF with SHA-256 (RFC 5869).
fn derive<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> Option<[u8; N]> {
    struct Length<const N: usize>;
    impl<const N: usize> KeyType for Length<N> {
        fn len(&self) -> usize {
            N
        }
    }
    let mut derived = [0; N];
    let expanded = Salt::new(HKDF_SHA256, salt).extract(secret);
    expanded.expand(info, Length::<N>).ok()?.fill(&mut derived).ok()?;
    Some(derived)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;
    use crate::types::Parse;

    const BROWSER: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn decoded<const N: usize>(text: &str) -> [u8; N] {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn the_example_of_the_rfc_is_sealed_as_there() {
        let own = SecretKey::from_slice(&decoded::<32>("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).unwrap();
        let browser = PublicKey::from_sec1_bytes(&decoded::<65>(BROWSER)).unwrap();
        let message = b"When I grow up, I want to be a watermelon";
        let salt = decoded("DGv6ra1nlYgDCS1FRnbzlw");
        let sealed = seal(message, message.len(), &browser, &decoded(AUTH), &own, salt).unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A\
                        _yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(sealed), expected);
    }

    #[test]
    fn lengths_tell_little_and_what_is_too_long_is_not_sealed() {
        let (key, auth) = (PushKey::parse(BROWSER).unwrap(), PushSecret::parse(AUTH).unwrap());
        let length = |message: usize| encrypt(&vec![b'x'; message], &key, &auth).map(|sealed| sealed.len());
        assert_eq!(length(1), length(511));
        assert!(length(512) > length(511));
        assert_eq!(length(LONGEST), Some(4096));
        assert_eq!(length(LONGEST + 1), None);
        assert_ne!(encrypt(b"x", &key, &auth), encrypt(b"x", &key, &auth));
    }
}
