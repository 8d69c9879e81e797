//! What communities are made of: ids of their messages, which tell whose conversation they are of, and their texts.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid, fmt::Hyphenated};

use super::{
    Invalid, Parse, Timestamp, deserialize_text,
    ids::uuid_type,
    text_type,
    texts::{is_invisible, plain, within, written},
};

uuid_type!(
    /// A community, for as long as it lives.
    CommunityId
);
uuid_type!(
    /// A message of a community. Ids of one conversation sort in the order of their writing and end in the conversation's tag. Of the 74
    /// free bits of a UUIDv7, 62 are the tag and 12 are random.
    CommunityMessageId
);

/// Which conversation of its community a message is of: 62 bits of a keyed hash, so that they tell nobody else whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationTag([u8; 8]);

impl ConversationTag {
    /// Of the first bits of a hash, but for the two in which a UUID says what it is.
    pub fn new(mut hash: [u8; 8]) -> Self {
        hash[0] &= 0x3f;
        Self(hash)
    }
}

impl std::fmt::Display for ConversationTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl CommunityMessageId {
    /// An id of `now` in a conversation that sorts behind `last`, whatever its clock was.
    pub fn after(last: Option<Self>, now: Timestamp, random: [u8; 2], tag: ConversationTag) -> Self {
        let next = last.map_or(now, |last| Timestamp::from_millis(last.made_at().millis() + 1));
        let [a, b] = random;
        let [c, d, e, f, g, h, i, j] = tag.0;
        Self::new(if next > now { next } else { now }, [a, b, c, d, e, f, g, h, i, j])
    }

    /// The conversation that it is of, if it is of any.
    pub fn tag(&self) -> ConversationTag {
        let mut tag = [0; 8];
        tag.copy_from_slice(&self.as_bytes()[8..]);
        ConversationTag::new(tag)
    }

    /// The millisecond of its making.
    pub fn made_at(&self) -> Timestamp {
        Timestamp::from_millis(self.as_bytes()[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte)))
    }
}

/// The name of a community: 1 to 100 characters of one line, not blank. Mails and pushes have it within their own text, so it may have no
/// invisible characters and none that change the direction of text. Emoji need the joiner and variation selectors: these are allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommunityName(String);
text_type!(CommunityName, 1..=100);

impl Parse for CommunityName {
    fn parse(text: &str) -> Result<Self, Invalid> {
        within(text, Self::LENGTH, "must be 1 to 100 characters")?;
        written(text)?;
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if text.contains(breaks) {
            return Err(Invalid("must not contain control characters or line breaks"));
        }
        if text.contains(|c| is_invisible(c) && !matches!(c, '\u{200C}'..='\u{200D}' | '\u{FE00}'..='\u{FE0F}')) {
            return Err(Invalid("must not contain invisible or direction characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A message of a community: 1 to 5000 characters, not blank. Errors have the contract's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommunityText(String);
text_type!(CommunityText, 1..=5000);

impl CommunityText {
    pub const BLANK: &str = "Content can't be blank";
}

impl Parse for CommunityText {
    fn parse(text: &str) -> Result<Self, Invalid> {
        written(text).map_err(|_| Invalid(Self::BLANK))?;
        within(text, Self::LENGTH, "Content is too long (maximum is 5000 characters)")?;
        plain(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_770_381_471_523);

    #[test]
    fn a_message_id_is_a_version_7_uuid_that_tells_its_conversation_and_its_millisecond() {
        let tag = ConversationTag::new([0xff; 8]);
        let id = CommunityMessageId::after(None, NOW, [0xab, 0xcd], tag);
        assert_eq!((id.tag(), id.made_at()), (tag, NOW));
        assert_eq!(id.to_string(), "019c32f5-6f23-7bcd-bfff-ffffffffffff");
        assert_eq!(tag.to_string(), "3fffffffffffffff");
    }

    #[test]
    fn an_id_sorts_behind_the_last_one_whatever_the_clock_says() {
        let tag = ConversationTag::new([7; 8]);
        for last in [NOW.millis() - 5, NOW.millis(), NOW.millis() + 5] {
            let last = CommunityMessageId::after(None, Timestamp::from_millis(last), [0xff; 2], tag);
            let next = CommunityMessageId::after(Some(last), NOW, [0; 2], tag);
            assert!(next > last && next.to_string() > last.to_string());
        }
    }

    #[test]
    fn a_name_is_one_line() {
        assert!(CommunityName::parse(&"ä".repeat(100)).is_ok() && CommunityName::parse(&"ä".repeat(101)).is_err());
        for text in ["", " ", "a\nb", "a\r\nBcc: b", "a\tb", "a\u{85}b", "a\u{2028}b", "a\u{0}"] {
            assert!(CommunityName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_hides_nothing_and_reads_in_its_own_direction() {
        for c in "\u{AD}\u{61C}\u{115F}\u{180E}\u{200B}\u{200E}\u{200F}\u{202A}\u{202E}\u{2060}\u{2066}\u{2069}\u{2800}\
                  \u{3164}\u{FEFF}\u{FFFB}\u{E0020}\u{E007F}"
            .chars()
        {
            let refused = Err(Invalid("must not contain invisible or direction characters"));
            assert_eq!(CommunityName::parse(&format!("a{c}b")), refused, "{c:?}");
        }
        for name in ["👩\u{200D}🌾 growers", "I ❤\u{FE0F} roses", "ورد", "کتاب\u{200C}ها", "गुलाब", "薔薇\u{3000}園"]
        {
            assert!(CommunityName::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_message_is_told_in_the_contracts_words() {
        let wrong = |text: &str| CommunityText::parse(text).err().map(|Invalid(why)| why);
        assert_eq!(wrong("x"), None);
        assert_eq!(wrong(&"😀".repeat(5000)), None);
        assert_eq!(wrong(&"😀".repeat(5001)), Some("Content is too long (maximum is 5000 characters)"));
        for blank in ["", " ", "\t\n\r", "\u{200B}\u{FEFF}", "\u{3164}", "\u{0}", &"\u{A0}".repeat(6000)] {
            assert_eq!(wrong(blank), Some("Content can't be blank"), "{blank:?}");
        }
        assert_eq!(wrong("a\u{1B}b"), Some("must not contain control characters"));
    }

    proptest! {
        #[test]
        fn every_tag_is_read_back_from_every_id(hash in any::<[u8; 8]>(), random in any::<[u8; 2]>(), millis in 0i64..1 << 47) {
            let tag = ConversationTag::new(hash);
            let id = CommunityMessageId::after(None, Timestamp::from_millis(millis), random, tag);
            prop_assert_eq!((id.tag(), id.made_at().millis()), (tag, millis));
            prop_assert_eq!(CommunityMessageId::parse(&id.to_string()), Ok(id));
        }

        #[test]
        fn accepted_text_is_kept_as_sent(text in any::<String>()) {
            if let Ok(content) = CommunityText::parse(&text) {
                prop_assert_eq!(content.as_str(), &text);
            }
            if let Ok(name) = CommunityName::parse(&text) {
                prop_assert_eq!(name.as_str(), text);
            }
        }
    }
}
