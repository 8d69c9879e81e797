//! Everything that is signed, sealed, hashed under a key, or drawn at random. All keys derive from the one secret.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hmac,
    rand::{SecureRandom, SystemRandom},
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::types::{
    CommunityId, ConversationId, ConversationTag, Email, LinkId, LinkMessageId, PushEndpoint, PushSubscriptionId,
    UserId,
};

/// Bytes of a signature: 128 bits, RFC 2104's recommended half of SHA-256.
const SIGNATURE: usize = 16;

/// `N` bytes of the operating system's randomness.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // ring fails here only where the system has no getrandom(2): nothing that we run on, and nothing to go on with.
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}

/// The purpose of a derived key. Two purposes never share a key.
#[derive(Clone, Copy)]
pub enum Purpose {
    ClientAddress,
    CodeAddress,
    CommunityConversation,
    Conversation,
    Cursor,
    EmailAddress,
    IdempotencyKey,
    KeptAnswer,
    LimitSlot,
    OneTimeCode,
    PushSubscription,
    PushTopic,
    RequestBody,
    Sender,
    ShareToken,
    Unsubscribe,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::ClientAddress => b"client-address",
            Self::CodeAddress => b"code-address",
            Self::CommunityConversation => b"community-conversation",
            Self::Conversation => b"conversation",
            Self::Cursor => b"cursor",
            Self::EmailAddress => b"email-address",
            Self::IdempotencyKey => b"idempotency-key",
            Self::KeptAnswer => b"kept-answer",
            Self::LimitSlot => b"limit-slot",
            Self::OneTimeCode => b"one-time-code",
            Self::PushSubscription => b"push-subscription",
            Self::PushTopic => b"push-topic",
            Self::RequestBody => b"request-body",
            Self::Sender => b"sender",
            Self::ShareToken => b"share-token",
            Self::Unsubscribe => b"unsubscribe",
        }
    }
}

/// Signs and seals with keys derived from the deployment's secret. Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    root: Arc<hmac::Key>,
}

impl Tokens {
    pub fn new(secret_key: &str) -> Self {
        Self { root: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes())) }
    }

    /// HMAC-SHA256 of `parts` under the key for `purpose`. Parts are framed by their lengths: `["a","bc"]` is not `["ab","c"]`.
    pub fn keyed_hash(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.root, purpose.label()).as_ref());
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    /// The same for addresses that differ only in case.
    pub fn email_hash(&self, email: &Email) -> EmailHash {
        EmailHash(hex::encode(&self.keyed_hash(Purpose::EmailAddress, &[email.folded().as_bytes()])[..16]))
    }

    /// The one conversation that two users can have.
    pub fn conversation_of(&self, one: UserId, other: UserId) -> ConversationId {
        let (first, second) = (one.min(other), one.max(other));
        let hash = self.keyed_hash(Purpose::Conversation, &[first.as_bytes(), second.as_bytes()]);
        ConversationId::new([first, second], [hash[0], hash[1], hash[2], hash[3], hash[4], hash[5]])
    }

    /// The one conversation that a member has with the creator of a community.
    pub fn conversation_tag(&self, community: CommunityId, member: UserId) -> ConversationTag {
        let hash = self.keyed_hash(Purpose::CommunityConversation, &[community.as_bytes(), member.as_bytes()]);
        ConversationTag::new([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
    }

    /// The one subscription that an endpoint can have, whoever has it.
    pub fn push_subscription_of(&self, endpoint: &PushEndpoint) -> PushSubscriptionId {
        let hash = self.keyed_hash(Purpose::PushSubscription, &[endpoint.as_str().as_bytes()]);
        let (id, _) = hash.split_first_chunk().expect("32 bytes begin with 16");
        PushSubscriptionId::from_bytes(*id)
    }

    /// What lets whoever holds it end the mail that `user` gets about messages, and nothing else; good for as long as the account is.
    /// 38 characters of `A-Za-z0-9_-`.
    pub fn unsubscribe(&self, user: UserId) -> String {
        self.sign(Purpose::Unsubscribe, b"", user.as_bytes())
    }

    pub fn read_unsubscribe(&self, token: &str) -> Option<UserId> {
        self.verify(Purpose::Unsubscribe, b"", token).map(UserId::from_bytes)
    }

    /// `payload` and a signature over it, as text that fits into a URL. `scope` is what the token is good for.
    pub fn sign(&self, purpose: Purpose, scope: &[u8], payload: &[u8]) -> String {
        let hash = self.keyed_hash(purpose, &[scope, payload]);
        BASE64_URL_SAFE_NO_PAD.encode([payload, &hash[..SIGNATURE]].concat())
    }

    /// The payload of a token that [`Self::sign`] made for the same purpose and scope; `None` for any other text.
    pub fn verify<const N: usize>(&self, purpose: Purpose, scope: &[u8], token: &str) -> Option<[u8; N]> {
        // Length first: what can't be ours is not decoded.
        if token.len() != (N + SIGNATURE).div_ceil(3) * 4 - (3 - (N + SIGNATURE) % 3) % 3 {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (payload, signature) = bytes.split_at_checked(N)?;
        let hash = self.keyed_hash(purpose, &[scope, payload]);
        let genuine: bool = signature.ct_eq(&hash[..SIGNATURE]).into();
        if genuine { payload.try_into().ok() } else { None }
    }

    /// Encrypts `text` under a key that only someone who knows `secret` besides ours can derive.
    pub fn seal(&self, purpose: Purpose, secret: &[&[u8]], text: &str) -> String {
        let nonce: [u8; NONCE_LEN] = random();
        let mut sealed = text.as_bytes().to_vec();
        self.sealing_key(purpose, secret)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .expect("AES-GCM seals up to 64 GiB");
        BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())
    }

    /// What [`Self::seal`] was given; `None` for another secret or a text that was tampered with.
    pub fn open(&self, purpose: Purpose, secret: &[&[u8]], sealed: &str) -> Option<String> {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.sealing_key(purpose, secret).open_in_place(nonce, Aad::empty(), text).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }

    fn sealing_key(&self, purpose: Purpose, secret: &[&[u8]]) -> LessSafeKey {
        let key = self.keyed_hash(purpose, secret);
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("a 32-byte key is what AES-256 takes"))
    }

    /// Names one message of one link to anyone who holds it: 64 characters of `A-Za-z0-9_-`.
    /// Always the same for a message, so nothing is stored for it.
    pub fn share_token(&self, link: LinkId, message: LinkMessageId) -> String {
        self.sign(Purpose::ShareToken, b"", &[*link.as_bytes(), *message.as_bytes()].concat())
    }

    /// The prefix of the share tokens of a link's messages. No other link has it: it holds 126 of the 128 bits of the
    /// link's id.
    pub fn share_token_prefix(link: LinkId) -> String {
        let mut prefix = BASE64_URL_SAFE_NO_PAD.encode(link.as_bytes());
        prefix.truncate(21);
        prefix
    }

    pub fn read_share_token(&self, token: &str) -> Option<(LinkId, LinkMessageId)> {
        let payload: [u8; 32] = self.verify(Purpose::ShareToken, b"", token)?;
        let (link, message) = payload.split_first_chunk::<16>()?;
        Some((LinkId::from_bytes(*link), LinkMessageId::from_bytes(message.try_into().ok()?)))
    }
}

/// What stands for an e-mail address in a key: 128 bits of a keyed hash, as hex.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailHash(String);

impl EmailHash {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What its creator alone holds of a link: 256 random bits, shown once as 64 hex digits.
pub struct AdminToken([u8; 32]);

impl AdminToken {
    pub fn generate() -> Self {
        Self(random())
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    pub fn reveal(&self) -> String {
        hex::encode(self.0)
    }

    /// In constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    pub fn hash(&self) -> AdminTokenHash {
        AdminTokenHash(hex::encode(digest::digest(&digest::SHA256, &self.0)))
    }
}

/// SHA-256 of an admin token, as hex: all that is stored of it.
#[derive(Clone, Serialize, Deserialize)]
pub struct AdminTokenHash(String);

impl AdminTokenHash {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In constant time.
    pub fn is_of(&self, token: &AdminToken) -> bool {
        self.0.as_bytes().ct_eq(token.hash().0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::Timestamp;

    fn tokens() -> Tokens {
        Tokens::new("a secret key of a test, long enough for it")
    }

    #[test]
    fn a_share_token_names_its_message_and_no_other() {
        let (link, message) = (LinkId::new(Timestamp::now(), random()), LinkMessageId::new(Timestamp::now(), random()));
        let token = tokens().share_token(link, message);
        assert_eq!(token.len(), 64);
        assert_eq!(tokens().read_share_token(&token), Some((link, message)));
        assert!(token.starts_with(&Tokens::share_token_prefix(link)));
        assert_eq!(Tokens::new("another key").read_share_token(&token), None);
        for position in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
            assert_eq!(tokens().read_share_token(&String::from_utf8(forged).unwrap()), None, "at {position}");
        }
    }

    #[test]
    fn a_token_is_good_for_its_scope_and_purpose_only() {
        let token = tokens().sign(Purpose::Cursor, b"one", b"0123456789abcdef");
        assert!(tokens().verify::<16>(Purpose::Cursor, b"one", &token).is_some());
        assert!(tokens().verify::<16>(Purpose::Cursor, b"two", &token).is_none());
        assert!(tokens().verify::<16>(Purpose::ShareToken, b"one", &token).is_none());
        assert!(tokens().verify::<15>(Purpose::Cursor, b"one", &token).is_none());
    }

    #[test]
    fn a_kept_answer_opens_only_for_the_key_that_it_was_kept_under() {
        let sealed = tokens().seal(Purpose::KeptAnswer, &[b"create-link", b"key"], "the answer");
        assert_eq!(
            tokens().open(Purpose::KeptAnswer, &[b"create-link", b"key"], &sealed).as_deref(),
            Some("the answer")
        );
        assert_eq!(tokens().open(Purpose::KeptAnswer, &[b"create-link", b"kez"], &sealed), None);
        assert_eq!(tokens().open(Purpose::KeptAnswer, &[b"create-linkk", b"ey"], &sealed), None);
        assert!(!sealed.contains("answer"));
    }

    #[test]
    fn an_admin_token_is_64_hex_digits_and_matches_its_own_hash_only() {
        let token = AdminToken::generate();
        let read = AdminToken::parse(&token.reveal()).unwrap();
        assert!(token.hash().is_of(&read) && !token.hash().is_of(&AdminToken::generate()));
        for text in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(66)] {
            assert!(AdminToken::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_unsubscribe_token_names_its_user_and_no_other() {
        let user = UserId::new(Timestamp::now(), random());
        let token = tokens().unsubscribe(user);
        assert_eq!((token.len(), tokens().read_unsubscribe(&token)), (38, Some(user)));
        assert_eq!(Tokens::new("another key").read_unsubscribe(&token), None);
        for position in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
            assert_eq!(tokens().read_unsubscribe(&String::from_utf8(forged).unwrap()), None, "at {position}");
        }
    }

    proptest! {
        #[test]
        fn no_text_passes_for_a_token(text in any::<String>()) {
            prop_assert!(tokens().read_unsubscribe(&text).is_none());
            prop_assert!(tokens().read_share_token(&text).is_none());
            prop_assert!(tokens().open(Purpose::KeptAnswer, &[b"x"], &text).is_none());
        }
    }
}
