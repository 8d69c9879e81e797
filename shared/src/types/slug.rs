//! The name of a link in its URL.

use serde::Serialize;

use super::{Invalid, Parse, text_type};

/// 3 to 50 of `a-z0-9-` without a hyphen at either end, and no name that our own routes use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Slug(String);

text_type!(Slug, 3..=50);

/// Path segments that are ours, that browsers and crawlers ask for, or that would pass for a page of ours.
const RESERVED: [&str; 26] = [
    "admin",
    "api",
    "app",
    "assets",
    "auth",
    "cards",
    "communities",
    "conversations",
    "favicon",
    "health",
    "inbox",
    "links",
    "login",
    "media",
    "message",
    "messages",
    "notifications",
    "openapi",
    "push",
    "robots",
    "sign-in",
    "sign-up",
    "sitemap",
    "static",
    "users",
    "www",
];

/// Words of a generated slug: short, unmistakable, harmless next to each other.
const WORDS: [&str; 64] = [
    "acorn", "amber", "apple", "aspen", "autumn", "basil", "beach", "birch", "bloom", "breeze", "brook", "cedar",
    "cloud", "clover", "coral", "crane", "dawn", "delta", "dune", "ember", "fern", "field", "finch", "flint", "forest",
    "garden", "glade", "harbor", "hazel", "heron", "honey", "island", "ivory", "jade", "lake", "lark", "lemon",
    "lilac", "linen", "lunar", "maple", "marble", "meadow", "mint", "moss", "ocean", "olive", "opal", "orchid",
    "pearl", "pebble", "pine", "plum", "quartz", "rain", "river", "robin", "sage", "shell", "silver", "solar",
    "spring", "willow", "winter",
];

/// Letters and digits that no one mistakes for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl Slug {
    /// The slug that a URL names: whoever types it may use capitals. A new link's slug is in lower case ([`Slug::parse`]).
    pub fn named(text: &str) -> Option<Self> {
        Self::parse(&text.to_ascii_lowercase()).ok()
    }

    /// Two words and ten letters: readable, with 62 random bits, so that it can't be guessed.
    pub fn generate(random: [u8; 12]) -> Self {
        let [first, second, rest @ ..] = random;
        let word = |byte: u8| WORDS[usize::from(byte) % WORDS.len()];
        let letters: String = rest.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        Self(format!("{}-{}-{letters}", word(first), word(second)))
    }
}

impl Parse for Slug {
    fn parse(text: &str) -> Result<Self, Invalid> {
        if !Self::LENGTH.contains(&text.chars().count()) {
            return Err(Invalid("must be 3 to 50 characters"));
        }
        if !text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            return Err(Invalid("may only contain a-z, 0-9 and hyphens"));
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err(Invalid("must not start or end with a hyphen"));
        }
        if RESERVED.contains(&text) {
            return Err(Invalid("is reserved"));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slugs_are_3_to_50_of_a_small_alphabet() {
        for text in ["abc", "my-group", "a1-", "-ab", &"a".repeat(50), "000"] {
            assert_eq!(Slug::parse(text).is_ok(), !text.starts_with('-') && !text.ends_with('-'), "{text}");
        }
        for text in ["", "ab", &"a".repeat(51), "My-Group", "my_group", "grüße", "a b", "api", "inbox", "abc\n"] {
            assert!(Slug::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_url_names_a_slug_in_either_case() {
        assert_eq!(Slug::named("My-GROUP"), Slug::parse("my-group").ok());
        for text in ["GRÜSSE", "API", "A_B", "AB"] {
            assert_eq!(Slug::named(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_generated_slug_is_a_slug(random: [u8; 12]) {
            let slug = Slug::generate(random);
            prop_assert_eq!(Slug::parse(slug.as_str()), Ok(slug));
        }

        #[test]
        fn what_is_accepted_is_what_the_rule_says(text in "[a-c0-9A_ü-]{0,60}") {
            let allowed = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            let rule = (3..=50).contains(&text.chars().count()) && allowed && !text.starts_with('-') && !text.ends_with('-');
            prop_assert_eq!(Slug::parse(&text).is_ok(), rule);
        }
    }
}
