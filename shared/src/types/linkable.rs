//! Names that mail programs turn into links or telephone numbers. In a mail of ours, such a name would be its owner's link.

use unicode_normalization::UnicodeNormalization;

use super::texts::is_invisible;

/// Shorter numbers are called by nobody by mistake.
const DIGITS: usize = 6;

/// Whether a mail program may turn `name`, or a part of it, into a link or into a number to call. In doubt it may.
pub fn becomes_link(name: &str) -> bool {
    // As programs see it that read addresses: full-width characters are ASCII, and an ideographic full stop is a dot (UTS 46).
    let seen: String =
        name.nfkc().filter(|c| !is_invisible(*c)).map(|c| if c == '\u{3002}' { '.' } else { c }).collect();
    seen.split_whitespace().any(is_address) || has_number(&seen)
}

/// `evil.com`, `ann@host`, `//host`, `mailto:ann`, `tel:1`.
fn is_address(word: &str) -> bool {
    let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
    let has_scheme = inner.split_once(':').is_some_and(|(scheme, rest)| {
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        !rest.is_empty() && scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(is_scheme)
    });
    has_scheme || word.contains("//") || inner.contains(['.', '@'])
}

/// Whether there are so many digits, with nothing but signs and spaces between them, that they may be a telephone number.
fn has_number(text: &str) -> bool {
    let is_part = |c: char| c.is_numeric() || !(c.is_alphanumeric() || c == '_');
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let is_behind_letter = start > 0;
        let run = &rest[start..];
        let end = run.find(|c| !is_part(c)).unwrap_or(run.len());
        if is_number(&run[..end], is_behind_letter, end < run.len()) {
            return true;
        }
        // It begins with a letter, if anything is left.
        rest = &run[end..];
    }
    false
}

/// Groups that touch a letter in front of the run or behind it are parts of words.
fn is_number(run: &str, is_behind_letter: bool, is_before_letter: bool) -> bool {
    let mut groups: Vec<&str> = run.split(|c: char| !c.is_numeric()).collect();
    if is_before_letter {
        groups.pop();
    }
    if is_behind_letter && !groups.is_empty() {
        groups.remove(0);
    }
    let lengths = groups.iter().map(|group| group.chars().count());
    lengths.sum::<usize>() >= DIGITS && !is_date(groups.into_iter().filter(|group| !group.is_empty()))
}

/// `2025/26`, `2024 - 2025`, `15.1.2026`: years, and days or months beside them.
fn is_date<'a>(groups: impl Iterator<Item = &'a str>) -> bool {
    let is_year = |group: &str| group.len() == 4 && (group.starts_with("19") || group.starts_with("20"));
    let groups: Vec<&str> = groups.collect();
    groups.len() <= 3
        && groups.iter().any(|group| is_year(group))
        && groups.iter().all(|group| is_year(group) || group.chars().count() <= 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_looks_like_an_address_becomes_a_link() {
        for name in [
            "evil.com",
            "Visit evil.com now",
            "(evil.com)",
            "evil.com.",
            "evil。com",
            "evil．com",
            "evil｡com",
            "evil\u{2024}com",
            "evil\u{FE52}com",
            "ｅｖｉｌ．ｃｏｍ",
            "ev\u{200B}il.c\u{2060}om",
            "пример.рф",
            "例え。テスト",
            "10.0.0.1",
            "mailto:ann",
            "MailTo:ann@host",
            "ｍａｉｌｔｏ：ann",
            "(tel:112)",
            "sms:12",
            "javascript:alert",
            "https://evil",
            "//evil",
            "／／evil",
            "ann@host",
            "ann＠host",
        ] {
            assert!(becomes_link(name), "{name}");
        }
    }

    #[test]
    fn what_looks_like_a_number_becomes_one_to_call() {
        for name in [
            "+49 30 123456",
            "Call 555-0100 now",
            "(555) 123-4567",
            "555.123.4567",
            "5551234567",
            "０３０１２３４５６７",
            "٠٣٠١٢٣٤٥٦٧",
            "01 23 45 67 89",
            "+1\u{2011}800\u{2013}555\u{2212}0199",
            "555\u{AD}1234567",
            "A 116 117",
            "No1 555 123 4567 B",
            "00442071838750",
        ] {
            assert!(becomes_link(name), "{name}");
        }
    }

    #[test]
    fn other_names_stay() {
        for name in [
            "Rust & <friends>",
            "St. Mary",
            "Hello... world",
            "What next?",
            "Growers: spring",
            "Class of 2026",
            "Class 2025/26",
            "2024 - 2025",
            "Since 15 1 2026",
            "Room 101",
            "24/7",
            "@ann",
            "user_12345678",
            "U0123456789abcdef",
            "t-0123456789abcdef",
            "abc1234567",
            "Ann (1)",
            "ورد",
            "薔薇園",
            "你好。",
            "👩\u{200D}🌾 growers",
            "A / B",
            "",
        ] {
            assert!(!becomes_link(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_every_domain_is_found(text in any::<String>(), name in "[a-z]{1,9}", dot in "[.。．｡\u{2024}]") {
            let _ = becomes_link(&text);
            let (alone, within) = (format!("{name}{dot}com"), format!("See {name}{dot}com, {name}"));
            prop_assert!(becomes_link(&alone) && becomes_link(&within));
        }
    }
}
