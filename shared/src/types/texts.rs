//! Texts with rules. Lengths count Unicode scalar values of the text as sent; nothing is trimmed.

use std::ops::RangeBounds;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::{Invalid, Parse, text_type};

/// The title of a link: 1 to 100 characters of one line, not blank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Title(String);
text_type!(Title, 1..=100);

impl Parse for Title {
    fn parse(text: &str) -> Result<Self, Invalid> {
        within(text, Self::LENGTH, "must be 1 to 100 characters")?;
        written(text)?;
        one_line(text).map(Self)
    }
}

/// The description of a link: up to 500 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description(String);
text_type!(Description, 0..=500);

impl Parse for Description {
    fn parse(text: &str) -> Result<Self, Invalid> {
        within(text, Self::LENGTH, "must be at most 500 characters")?;
        plain(text).map(Self)
    }
}

/// A message to a link: 1 to 1000 characters, not blank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkText(String);
text_type!(LinkText, 1..=1000);

impl Parse for LinkText {
    fn parse(text: &str) -> Result<Self, Invalid> {
        within(text, Self::LENGTH, "must be 1 to 1000 characters")?;
        written(text)?;
        plain(text).map(Self)
    }
}

/// A message to an inbox: 10 to 300 characters, not blank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InboxText(String);
text_type!(InboxText, 10..=300);

impl InboxText {
    /// A text that says nothing, of `less` bytes less.
    pub fn blank_of(text: &Self, less: usize) -> Self {
        Self("x".repeat(text.0.len().saturating_sub(less)))
    }
}

impl Parse for InboxText {
    fn parse(text: &str) -> Result<Self, Invalid> {
        within(text, *Self::LENGTH.start().., "must be of min length 10 chars")?;
        within(text, ..=*Self::LENGTH.end(), "must not be longer than 300 chars")?;
        written(text)?;
        plain(text).map(Self)
    }
}

/// A private message: 1 to 5000 characters, not blank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrivateText(String);
text_type!(PrivateText, 1..=5000);

impl Parse for PrivateText {
    fn parse(text: &str) -> Result<Self, Invalid> {
        within(text, Self::LENGTH, "must be 1 to 5000 characters")?;
        written(text)?;
        plain(text).map(Self)
    }
}

/// What opens a link to senders: 4 to 64 characters in their [`opaque`] form, not blank. Never stored or logged, so it has neither `Debug`
/// nor `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(String);
text_type!(Pin, 4..=64);

impl Parse for Pin {
    fn parse(text: &str) -> Result<Self, Invalid> {
        secret(text, Self::LENGTH, "must be 4 to 64 characters").map(Self)
    }
}

/// What someone gives for a PIN: a text of any length, as whether it is the PIN is all that matters.
#[derive(Clone, PartialEq, Eq)]
pub struct PinTry(String);
text_type!(PinTry);

impl Parse for PinTry {
    fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(Self(tried(text)))
    }
}

/// A longer secret, as it is sent, is not looked at.
const LONGEST_SENT: usize = 1024;

/// The form in which secrets are counted, hashed and compared: the OpaqueString profile of RFC 8265, section 4.2. Keyboards write the
/// same letters in different ways: `é` as one character or two, and spaces of several kinds.
pub fn opaque(text: &str) -> String {
    let spaces = text.chars().map(|c| if is_other_space(c) { ' ' } else { c });
    spaces.nfc().collect()
}

/// The spaces of Unicode (general category Zs) but the ASCII one.
fn is_other_space(c: char) -> bool {
    matches!(c, '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// A secret that somebody chooses, in its opaque form.
pub(super) fn secret(text: &str, length: impl RangeBounds<usize>, otherwise: &'static str) -> Result<String, Invalid> {
    within(text, ..=LONGEST_SENT, otherwise)?;
    let text = opaque(text);
    within(&text, length, otherwise)?;
    written(&text)?;
    plain(&text)
}

/// A secret that somebody tries, as it was sent. One that is too long is cut short, and stays too long to be right: a character of the
/// opaque form comes from four characters at most, and no secret has 256.
pub(super) fn tried(text: &str) -> String {
    text.chars().take(LONGEST_SENT + 1).collect()
}

/// The header `Idempotency-Key`: 1 to 255 visible ASCII characters. Stored only as a keyed hash.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);
text_type!(IdempotencyKey, 1..=255);

impl Parse for IdempotencyKey {
    fn parse(text: &str) -> Result<Self, Invalid> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || !Self::LENGTH.contains(&text.len()) {
            return Err(Invalid("must be 1 to 255 visible ASCII characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

pub(super) fn within(text: &str, length: impl RangeBounds<usize>, otherwise: &'static str) -> Result<(), Invalid> {
    if length.contains(&text.chars().count()) { Ok(()) } else { Err(Invalid(otherwise)) }
}

/// Refuses text that shows nothing.
pub(super) fn written(text: &str) -> Result<(), Invalid> {
    if text.chars().all(is_blank) { Err(Invalid("must not be blank")) } else { Ok(()) }
}

/// Refuses NUL and the other C0 controls, but for tab, line feed and carriage return.
pub(super) fn plain(text: &str) -> Result<String, Invalid> {
    let control = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r');
    if text.contains(control) { Err(Invalid("must not contain control characters")) } else { Ok(text.to_owned()) }
}

/// Refuses what [`plain`] refuses, and what would break out of the one line in which a name is shown.
pub(super) fn one_line(text: &str) -> Result<String, Invalid> {
    if text.contains(is_line_break) {
        return Err(Invalid("must not contain line breaks"));
    }
    if text.contains(overrides_direction) {
        return Err(Invalid("must not contain direction overrides"));
    }
    plain(text)
}

/// The characters that end a line (UAX 14: BK, CR, LF and NL).
fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\u{B}' | '\u{C}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The characters that force a direction on the text behind them, also behind the end of a name (UAX 9: embeddings, overrides and
/// isolates). Marks of direction are fine: they change nothing behind them.
fn overrides_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// White space, also of no width.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_invisible(c)
}

/// The characters that Unicode gives no ink: format controls (those of direction, too), fillers, blank Braille.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_count_characters_and_not_bytes() {
        assert!(LinkText::parse(&"😀".repeat(1000)).is_ok());
        assert_eq!(LinkText::parse(&"😀".repeat(1001)), Err(Invalid("must be 1 to 1000 characters")));
        assert!(Title::parse(&"ä".repeat(100)).is_ok() && Title::parse(&"ä".repeat(101)).is_err());
        assert!(Description::parse("").is_ok() && Description::parse(&"x".repeat(501)).is_err());
        assert!(Pin::parse("    ").is_err() && Pin::parse("123").is_err() && Pin::parse("1234").is_ok());
        assert!(Pin::parse(&"1".repeat(64)).is_ok() && Pin::parse(&"1".repeat(65)).is_err());
    }

    #[test]
    fn a_pin_is_counted_in_its_opaque_form() {
        let decomposed = "e\u{301}".repeat(64);
        assert_eq!(Pin::parse(&decomposed).ok().unwrap().as_str(), "é".repeat(64));
        assert!(Pin::parse("e\u{301}e\u{301}").is_err() && Pin::parse("\u{3000}\u{2003}\u{A0} ").is_err());
        assert_eq!(Pin::parse("12\u{A0}34").ok().unwrap().as_str(), "12 34");
        // No four characters compose to fewer than one: what is cut short stays longer than any secret.
        let dense = "\u{3B1}\u{313}\u{300}\u{345}";
        assert_eq!((opaque(dense).chars().count(), dense.chars().count()), (1, 4));
        assert!(Pin::parse(&dense.repeat(64)).is_ok() && Pin::parse(&dense.repeat(257)).is_err());
        let cut = PinTry::parse(&dense.repeat(1000)).ok().unwrap();
        assert_eq!(opaque(cut.as_str()).chars().count(), 257);
    }

    #[test]
    fn text_that_shows_nothing_is_blank() {
        for text in
            [" ", "\t\n\r", "\u{A0}", "\u{200B}\u{FEFF}", "\u{3164}", "\u{2800}", "\u{E0020}", "\u{0}", "\u{85}"]
        {
            assert_eq!(LinkText::parse(text), Err(Invalid("must not be blank")), "{text:?}");
        }
        assert!(LinkText::parse("\u{200B}.").is_ok());
    }

    #[test]
    fn controls_are_refused_but_for_tabs_and_line_ends() {
        assert_eq!(LinkText::parse("a\u{0}b"), Err(Invalid("must not contain control characters")));
        assert!(Title::parse("a\u{1B}b").is_err());
        assert!(LinkText::parse("a\tb\r\nc").is_ok());
    }

    #[test]
    fn a_title_is_one_line_in_its_own_direction() {
        for breaks in ["\n", "\r", "\r\n", "\u{85}", "\u{2028}", "\u{2029}"] {
            for text in [format!("a{breaks}b"), format!("a{breaks}"), format!("{breaks}a")] {
                assert_eq!(Title::parse(&text), Err(Invalid("must not contain line breaks")), "{text:?}");
            }
        }
        for c in "\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\u{2066}\u{2067}\u{2068}\u{2069}".chars() {
            let refused = Err(Invalid("must not contain direction overrides"));
            assert_eq!(Title::parse(&format!("a{c}b")), refused, "{c:?}");
        }
        for text in ["ورد", "א\u{200F}!", "👩\u{200D}🌾", "I ❤\u{FE0F} tea", "a\tb", "कि"] {
            assert!(Title::parse(text).is_ok(), "{text}");
        }
        assert!(Description::parse("one\ntwo\u{202E}").is_ok());
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii() {
        assert!(IdempotencyKey::parse(&"k".repeat(255)).is_ok());
        for text in ["", "a b", "ü", "a\u{7F}", &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_opaque_form_is_one_form(text in "\\PC{0,40}") {
            let once = opaque(&text);
            prop_assert_eq!(opaque(&once), once.clone());
            prop_assert_eq!(opaque(&text.nfd().collect::<String>()), once.clone());
            prop_assert!(once.chars().count() * 4 >= text.chars().count());
        }

        #[test]
        fn accepted_text_is_kept_as_sent(text in any::<String>()) {
            if let Ok(content) = LinkText::parse(&text) {
                prop_assert_eq!(content.as_str(), text);
            }
        }
    }
}
