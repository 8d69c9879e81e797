//! What is said of a value is what the type says that parses it.

use shared::types::{self, Parse};

use super::*;

fn described<T: PartialSchema>() -> serde_json::Value {
    json!(T::schema())
}

#[test]
fn every_example_is_a_value() {
    let parsed = [
        types::Username::parse(Username::EXAMPLE).is_ok(),
        types::Email::parse(EmailGiven::EXAMPLE).is_ok(),
        types::Password::parse(Password::EXAMPLE).is_ok(),
        types::DeviceName::parse(DeviceName::EXAMPLE).is_ok(),
        types::InboxText::parse(InboxText::EXAMPLE).is_ok(),
        types::Slug::parse(Slug::EXAMPLE).is_ok(),
        types::Title::parse(Title::EXAMPLE).is_ok(),
        types::Description::parse(Description::EXAMPLE).is_ok(),
        types::Pin::parse(Pin::EXAMPLE).is_ok(),
        types::LinkText::parse(LinkText::EXAMPLE).is_ok(),
        types::Timestamp::parse(Moment::EXAMPLE).is_ok(),
        types::PrivateText::parse(PrivateText::EXAMPLE).is_ok(),
        types::CommunityName::parse(CommunityName::EXAMPLE).is_ok(),
        types::CommunityText::parse(CommunityText::EXAMPLE).is_ok(),
        types::CommunityId::parse(CommunityId::EXAMPLE).is_ok(),
        types::LinkMessageId::parse(LinkMessageId::EXAMPLE).is_ok(),
        types::ContentType::parse(ContentType::EXAMPLE).is_ok(),
        types::PushEndpoint::parse(PushEndpoint::EXAMPLE).is_ok(),
        types::PushKey::parse(PushKey::EXAMPLE).is_ok(),
        types::PushSecret::parse(PushSecret::EXAMPLE).is_ok(),
    ];
    assert_eq!(parsed.iter().position(|is_ok| !is_ok), None);
}

#[test]
fn the_content_types_of_media_are_told() {
    let told = described::<ContentType>()["description"].to_string();
    for kind in [types::MediaKind::Image, types::MediaKind::Video] {
        for content_type in kind.content_types().unwrap_or_default() {
            assert!(told.contains(&format!("`{content_type}`")), "{content_type}: {told}");
        }
    }
}

#[test]
fn lengths_are_those_of_the_parser() {
    let title = described::<Title>();
    let most = title["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap();
    assert!(types::Title::parse(&"ä".repeat(most)).is_ok() && types::Title::parse(&"ä".repeat(most + 1)).is_err());
    assert_eq!(described::<UserId>()["pattern"], "^[0-9a-f]{24}$");
}
