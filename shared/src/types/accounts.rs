//! What people give for their accounts: names, addresses, passwords, codes. Secrets have neither `Debug` nor `Serialize`.

use email_address::{EmailAddress, Options};
use serde::Serialize;

use super::{
    Invalid, Parse, text_type,
    texts::{is_space, one_line, secret, tried, within, written},
};

/// 2 to 20 of `a-zA-Z0-9_`, taken without white space around it. Two names that differ only in case are one name to claim, and two to
/// write to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Username(String);
text_type!(Username, 2..=20);

impl Username {
    /// The form of the name that a claim's key has.
    pub fn lower_case(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Names of our own and of those who run a service. Nobody can claim them: a message from `support` would pass for one of ours.
const RESERVED: &[&str] = &[
    "abuse",
    "account",
    "accounts",
    "admin",
    "administrator",
    "admins",
    "anonymous",
    "api",
    "app",
    "assets",
    "auth",
    "billing",
    "contact",
    "deleted",
    "everyone",
    "help",
    "helpdesk",
    "hostmaster",
    "inbox",
    "info",
    "legal",
    "login",
    "mail",
    "mailerdaemon",
    "me",
    "messages",
    "mod",
    "moderator",
    "moderators",
    "nobody",
    "noreply",
    "notifications",
    "null",
    "official",
    "operator",
    "operators",
    "owner",
    "payments",
    "postmaster",
    "privacy",
    "root",
    "security",
    "signin",
    "signup",
    "somebody",
    "sotto",
    "staff",
    "status",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "team",
    "undefined",
    "webmaster",
    "www",
];

impl Username {
    /// Whether nobody can claim the name. Case and underscores make no other name.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.lower_case().replace('_', "").as_str())
    }
}

impl Parse for Username {
    /// Its refusals are whole sentences, as documented.
    fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        within(text, *Self::LENGTH.start().., "Username must be atleast 2 characters")?;
        within(text, ..=*Self::LENGTH.end(), "username must not be more than 20")?;
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Invalid("Username can only contain letters, numbers, and underscores"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// An address that mail can be sent to: trimmed, the domain in lower case, at most 254 characters (RFC 5321, erratum 1690), of
/// ASCII, as not every mail server takes more. The part before the `@` stays as it was typed: mail goes to no other address. Two
/// addresses that differ only in case are one to find an account by ([`Email::folded`]).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Email(String);
text_type!(Email, 0..=254);

impl Email {
    /// What stands for the address where accounts, codes and limits are looked up: nearly every mail server takes addresses that
    /// differ only in case for one mailbox. Nothing is ever mailed to it.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl Parse for Email {
    fn parse(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid("must be an e-mail address");
        let text = text.trim();
        within(text, Self::LENGTH, "must be at most 254 characters")?;
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let address = EmailAddress::parse_with_options(text, options).map_err(|_| INVALID)?;
        if !text.is_ascii() || !is_domain(address.domain()) {
            return Err(INVALID);
        }
        Ok(Self(format!("{}@{}", address.local_part(), address.domain().to_ascii_lowercase())))
    }
}

/// Labels of letters, digits and hyphens, of which the last is no number (RFC 1123, section 2.1). Mail services refuse other domains.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    domain.split('.').all(is_label) && !domain.rsplit('.').next().is_some_and(is_number)
}

/// A password as it is chosen: 8 to 128 characters in their opaque form, not blank.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);
text_type!(Password, 8..=128);

impl Parse for Password {
    fn parse(text: &str) -> Result<Self, Invalid> {
        secret(text, Self::LENGTH, "must be 8 to 128 characters").map(Self)
    }
}

/// What someone gives for a password: any text, as whether it is the password is all that matters. One that is too long to be a
/// password is cut short, and so stays wrong.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordTry(String);
text_type!(PasswordTry);

impl Parse for PasswordTry {
    fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(Self(tried(text)))
    }
}

/// A one-time code: six digits.
pub struct Code(String);

impl Code {
    /// Every code is as likely as any other, but for one part in 10^13.
    pub fn generate(random: [u8; 8]) -> Self {
        Self(format!("{:06}", u64::from_be_bytes(random) % 1_000_000))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What someone gives for a code: any text, as whether it is the code is all that matters. White space is no part of it: people paste
/// codes with the spaces around them, or write them in groups.
pub struct CodeTry(String);
text_type!(CodeTry);

impl Parse for CodeTry {
    fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(Self(text.chars().filter(|c| !is_space(*c)).collect()))
    }
}

/// The identifier of a sign-in: an e-mail address or a username. Any other text identifies no account.
pub enum Identifier {
    Email(Email),
    Username(Username),
    Nobody(String),
}

impl Parse for Identifier {
    fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        within(text, Self::LENGTH, "must be a username or an e-mail address")?;
        Ok(match (Email::parse(text), Username::parse(text)) {
            (Ok(email), _) => Self::Email(email),
            (_, Ok(username)) => Self::Username(username),
            _ => Self::Nobody(text.to_owned()),
        })
    }
}

impl Identifier {
    /// In characters.
    pub const LENGTH: std::ops::RangeInclusive<usize> = 1..=1024;

    /// The same text for the same account, as far as the text tells.
    pub fn normal(&self) -> String {
        match self {
            Self::Email(email) => email.folded(),
            Self::Username(username) => username.lower_case(),
            Self::Nobody(text) => text.clone(),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Identifier {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::deserialize_text(deserializer, "text")
    }
}

/// The name that a person gives a device: 1 to 100 characters of one line, not blank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceName(String);
text_type!(DeviceName, 1..=100);

impl Default for DeviceName {
    fn default() -> Self {
        Self("Unnamed device".to_owned())
    }
}

impl Parse for DeviceName {
    fn parse(text: &str) -> Result<Self, Invalid> {
        within(text, Self::LENGTH, "must be 1 to 100 characters")?;
        written(text)?;
        one_line(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_username_says_which_rule_it_breaks() {
        for (text, message) in [
            ("", "Username must be atleast 2 characters"),
            ("!", "Username must be atleast 2 characters"),
            (&"a".repeat(21), "username must not be more than 20"),
            (&"ä".repeat(20), "Username can only contain letters, numbers, and underscores"),
            ("a b", "Username can only contain letters, numbers, and underscores"),
            ("a\nb", "Username can only contain letters, numbers, and underscores"),
        ] {
            assert_eq!(Username::parse(text), Err(Invalid(message)), "{text:?}");
        }
        assert!(Username::parse(&"a".repeat(20)).is_ok() && Username::parse("A_").is_ok());
    }

    #[test]
    fn names_of_those_who_run_a_service_are_reserved_in_every_spelling() {
        for name in
            ["admin", "Admin", "ADMIN", "_admin_", "a_d_m_i_n", "Support", "api", "no_reply", "Sotto", "mailer_daemon"]
        {
            assert!(Username::parse(name).unwrap().is_reserved(), "{name}");
        }
        for name in ["ann", "admiral", "badmin", "admin2", "__", "supporter"] {
            assert!(!Username::parse(name).unwrap().is_reserved(), "{name}");
        }
        assert!(
            RESERVED.is_sorted_by(|one, next| one < next) && RESERVED.iter().all(|name| Username::parse(name).is_ok())
        );
    }

    #[test]
    fn white_space_is_no_part_of_a_name_an_address_or_a_code() {
        for space in [" ", "\t", "\r\n", "\u{A0}", "\u{2009}", "\u{202F}", "\u{3000}"] {
            let around = |text: &str| format!("{space}{text}{space}{space}");
            assert_eq!(Username::parse(&around("ann")).unwrap().as_str(), "ann", "{space:?}");
            assert!(Username::parse(&around(&"a".repeat(20))).is_ok() && Username::parse(&around("a")).is_err());
            assert_eq!(Email::parse(&around("a@b.cd")).ok().unwrap().as_str(), "a@b.cd", "{space:?}");
            let code = CodeTry::parse(&around(&format!("123{space}45 6"))).ok().unwrap();
            assert_eq!(code.as_str(), "123456", "{space:?}");
            assert!(
                Username::parse(&format!("an{space}n")).is_err() && Email::parse(&format!("a{space}@b.cd")).is_err()
            );
            assert_eq!(Identifier::parse(&around("Ann")).ok().unwrap().normal(), "ann");
            assert!(Identifier::parse(space).is_err());
        }
        assert_eq!(CodeTry::parse("\u{FEFF}123\u{200B}456\u{200E}").ok().unwrap().as_str(), "123456");
        for other in ["12345", "1234567", "123-456", "１２３４５６", "١٢٣٤٥٦", "12345\u{0}6"] {
            assert_ne!(CodeTry::parse(other).ok().unwrap().as_str(), "123456", "{other:?}");
        }
    }

    #[test]
    fn an_address_is_trimmed_and_its_domain_lower_case() {
        assert_eq!(Email::parse(" Ann.O@Example.COM\n").ok().unwrap().as_str(), "Ann.O@example.com");
        let domain = format!("{}.{}.{}.com", "d".repeat(63), "e".repeat(63), "f".repeat(57));
        assert!(Email::parse(&format!("{}@{domain}", "l".repeat(64))).is_ok());
        assert_eq!(Email::parse("Ann.O@Example.COM").ok().unwrap().folded(), "ann.o@example.com");
        for text in [
            "",
            "a",
            "a@",
            "@b.c",
            "a@b",
            "a@b@c.d",
            "a b@c.d",
            "ä@c.de",
            "a@[127.0.0.1]",
            "A <a@b.cd>",
            "a@b.cd\0",
            "a@b!c.de",
            "a@b_c.de",
            "a@-b.de",
            "a@b-.de",
            "a@b..de",
            "a@.de",
            "a@b.de.",
            "a@1.2.3.4",
            "a@b.c\u{7f}d",
            "a@b%c.de",
            "a@b.de/x",
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse(&format!("{}@{domain}x", "l".repeat(64))).is_err());
    }

    #[test]
    fn a_password_counts_characters() {
        assert!(Password::parse(&"ä".repeat(8)).is_ok() && Password::parse(&"😀".repeat(128)).is_ok());
        for text in ["1234567", &"x".repeat(129), "        ", "abcdefg\0"] {
            assert!(Password::parse(text).is_err(), "{text:?}");
        }
        assert_ne!(PasswordTry::parse(&"x".repeat(1000)).ok().unwrap().as_str(), "x".repeat(128));
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_parser(text in any::<String>()) {
            let _ = (Username::parse(&text), Password::parse(&text).is_ok(), Identifier::parse(&text).is_ok());
            if let Ok(email) = Email::parse(&text) {
                prop_assert!(email.as_str().is_ascii() && email.as_str().len() <= 254);
                prop_assert!(Email::parse(email.as_str()) == Ok(email));
            }
        }

        #[test]
        fn every_code_is_six_digits(random in any::<[u8; 8]>()) {
            let code = Code::generate(random);
            prop_assert!(code.as_str().len() == 6 && code.as_str().bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
