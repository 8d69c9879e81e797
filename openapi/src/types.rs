//! The values that bodies, paths and queries are made of: each with its limits, as the type has them that parses it, and an example.

use std::{fmt::Display, ops::RangeInclusive};

use serde_json::json;
use shared::{bucket::attachments::Reason, types};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

macro_rules! leaf {
    ($(#[doc = $doc:literal])+ $name:ident($example:expr) = $schema:expr) => {
        $(#[doc = $doc])+
        pub struct $name;

        impl $name {
            pub const EXAMPLE: &str = $example;
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = [$($doc),+].map(str::trim).join(" ");
                $schema.description(Some(description)).examples([json!(Self::EXAMPLE)]).build().into()
            }
        }

        impl ToSchema for $name {}
    };
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn long(length: RangeInclusive<usize>) -> ObjectBuilder {
    text().min_length(Some(*length.start()).filter(|least| *least > 0)).max_length(Some(*length.end()))
}

fn pattern(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

fn formatted(format: &str) -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom(format.to_owned())))
}

/// As we write it.
fn moment() -> ObjectBuilder {
    formatted("date-time").pattern(Some(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"))
}

/// Ids as the type writes them.
fn hex(id: impl Display) -> ObjectBuilder {
    pattern(&format!("^[0-9a-f]{{{}}}$", id.to_string().len()))
}

fn uuid() -> ObjectBuilder {
    formatted("uuid").pattern(Some("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"))
}

fn words<const N: usize>(words: [&str; N]) -> ObjectBuilder {
    text().enum_values(Some(words))
}

// --- Times and lists
leaf!(
    /// A moment in UTC, to the millisecond.
    Timestamp("2026-02-06T12:37:51.523Z") = moment()
);
leaf!(
    /// A moment in UTC, to the millisecond, at which something ends.
    End("2026-03-08T12:37:51.523Z") = moment()
);
leaf!(
    /// A moment of the years 1970 to 9999, with any offset (RFC 3339).
    Moment("2027-02-06T12:00:00Z") = formatted("date-time")
);
leaf!(
    /// Where a list goes on, as its last page said.
    Cursor("AZwy9W8jjzphwFsuAVd1nQ3vKp0sYq8t") = text()
);

// --- Accounts
leaf!(
    /// A user.
    UserId("019c32f1d2a04c5b6e7f8091") = hex(types::UserId::from_bytes([0; 12]))
);
leaf!(
    /// A device of a user.
    DeviceId("5d0c9b1e7a3f48628c4e1f0b9d2a6735") = hex(types::DeviceId::from_bytes([0; 16]))
);
leaf!(
    /// Of letters, digits and underscores. Two names that differ only in case are one name to claim, and two to write to.
    Username("ann_lee") = long(types::Username::LENGTH).pattern(Some("^[a-zA-Z0-9_]+$"))
);
leaf!(
    /// What stands for a username. What can't be one is nobody's.
    UsernameTry("ann_lee") = text()
);
leaf!(
    /// An e-mail address of ASCII. White space around it goes, and its domain becomes lower case.
    EmailGiven("ann.lee@example.com") = text()
);
leaf!(
    /// An e-mail address.
    Email("ann.lee@example.com") = formatted("email").max_length(Some(*types::Email::LENGTH.end()))
);
leaf!(
    /// The e-mail address or the username of an account.
    Identifier("ann_lee") = long(types::Identifier::LENGTH)
);
leaf!(
    /// A password to be. Not blank.
    Password("correct horse battery") =
        formatted("password").min_length(Some(*types::Password::LENGTH.start())).max_length(Some(*types::Password::LENGTH.end()))
);
leaf!(
    /// What may be the password.
    PasswordTry("correct horse battery") = formatted("password")
);
leaf!(
    /// The six digits of a mail, good for five minutes and five wrong tries.
    CodeTry("482913") = text()
);
leaf!(
    /// What a person calls a device. Not blank.
    DeviceName("Ann's laptop") = long(types::DeviceName::LENGTH)
);
leaf!(
    /// The id of a device, as a sign-up or sign-in said. What is none of the account's is a new device.
    DeviceIdTry("5d0c9b1e7a3f48628c4e1f0b9d2a6735") = text()
);
leaf!(
    /// A session, to be sent as a bearer token.
    SessionToken("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJzb3R0byJ9.Vb0yq3nTzX1oJtY5m6sW8kQfRgLhDcEaPuIvNxZwM4c") =
        pattern(r"^[\w-]+\.[\w-]+\.[\w-]+$")
);

// --- Inboxes
leaf!(
    /// A message in an inbox. These ids sort by time.
    InboxMessageId("019c32f56f238f3a61c05b2e") = hex(types::InboxMessageId::from_bytes([0; 12]))
);
leaf!(
    /// A message to an inbox. Not blank.
    InboxText("You explained that very well today. Thank you!") = long(types::InboxText::LENGTH)
);

// --- Links
leaf!(
    /// A link.
    LinkId("0198c0de-7a1b-7c3d-9e4f-5a6b7c8d9e0f") = uuid()
);
leaf!(
    /// A message to a link. These ids sort by time.
    LinkMessageId("0198c0df-1041-7a52-8b63-c4d5e6f70819") = uuid()
);
leaf!(
    /// The name of a link in its URL: small letters, digits and hyphens, no hyphen at either end. Some names are reserved.
    Slug("team-feedback") = long(types::Slug::LENGTH).pattern(Some("^[a-z0-9][a-z0-9-]*[a-z0-9]$"))
);
leaf!(
    /// The title of a link. Not blank.
    Title("Team feedback") = long(types::Title::LENGTH)
);
leaf!(
    /// What a link or a community says of itself.
    Description("What should we keep doing?") = long(types::Description::LENGTH)
);
leaf!(
    /// What opens a link to senders. Not blank.
    Pin("four words or numbers") = long(types::Pin::LENGTH)
);
leaf!(
    /// What may be the PIN.
    PinTry("four words or numbers") = text()
);
leaf!(
    /// A message to a link. Not blank.
    LinkText("Fewer meetings, please.") = long(types::LinkText::LENGTH)
);
leaf!(
    /// What opens a link to its owner. It is shown once.
    AdminToken("3f9a1c5e7b2d4860a9c8e7f6051423324150f6e7d8c9babbacad9e8f70615243") = pattern("^[0-9a-f]{64}$")
);
leaf!(
    /// What opens one message to everyone.
    ShareToken("AZjA3nobfD2eT1prfI2eDwGYwN8QQXpSi2PE1eb3CBleDJHXovNLhpLhwH07T6hW") = pattern(r"^[\w-]{64}$")
);
leaf!(
    /// Whether a link takes messages now.
    LinkStatus("active") = words(["paused", "expired", "scheduled", "active"])
);

// --- Private messages
leaf!(
    /// A private conversation.
    ConversationId("019c32f1d2a0b7c6d5e4f3a2") = hex(types::ConversationId::from_bytes([0; 12]))
);
leaf!(
    /// A private message. Those of one conversation sort in the order of its messages.
    PrivateMessageId("019c32f56f238f3a61c05b2e") = hex(types::PrivateMessageId::from_bytes([0; 12]))
);
leaf!(
    /// A private message. Not blank.
    PrivateText("See you at eight?") = long(types::PrivateText::LENGTH)
);
leaf!(
    /// What a message said; nothing once it is deleted.
    PrivateContent("See you at eight?") = long(0..=*types::PrivateText::LENGTH.end())
);
leaf!(
    /// What a message is. One of type `image` or `video` carries only that.
    MessageKind("image") = {
        use types::MessageKind as Kind;
        words([Kind::Text, Kind::Image, Kind::Video, Kind::File].map(Kind::as_str))
    }
);
leaf!(
    /// What an upload is sent as.
    MediaKind("image") = {
        use types::MediaKind as Kind;
        words([Kind::Image, Kind::Video, Kind::File].map(Kind::as_str))
    }
);
leaf!(
    /// Why an upload can't become part of a message.
    UnfitReason("Upload not found or expired") = words(Reason::ALL.map(Reason::as_str))
);
leaf!(
    /// The name of a file: not blank, without control and direction characters and without slashes.
    FileName("minutes.pdf") = long(types::FileName::LENGTH)
);
leaf!(
    /// The name of an upload.
    UploadName("temp/user_019c32f1d2a04c5b6e7f8091/image-7d1f0c5b9e2a48638f5a1c0e6d93b752") =
        pattern("^temp/user_[0-9a-f]{24}/(image|video|file)-[0-9a-f]{32}$")
);
leaf!(
    /// The name of a message's image, video or file.
    AssetName("media/019c32f1d2a0b7c6d5e4f3a2/2f6b0d9c8e7a415386f4e2d1c0b9a801") = pattern("^media/[0-9a-f]{24}/[0-9a-f]{32}$")
);
leaf!(
    /// An image, a video or a file of a message.
    AssetId("2f6b0d9c8e7a415386f4e2d1c0b9a801") = hex(types::AssetId::from_bytes([0; 16]))
);
leaf!(
    /// A media type. For an image `image/png`, `image/jpeg`, `image/gif` or `image/webp`; for a video `video/mp4`, `video/webm` or
    /// `video/quicktime`; for a file any.
    ContentType("image/png") = long(types::ContentType::LENGTH)
);

// --- Communities and notifications
leaf!(
    /// A community.
    CommunityId("019c32f0-5d3a-7c41-9e2b-6f8a1d4c7b90") = uuid()
);
leaf!(
    /// A message of a community. Those of one conversation sort in the order of its messages.
    CommunityMessageId("019c32f5-6f23-7a38-bf3a-61c05b2e9d47") = uuid()
);
leaf!(
    /// Why a message is not delivered.
    Refusal("You cannot send messages to this user") = text()
);
leaf!(
    /// The name of a community: one line, not blank, without invisible characters.
    CommunityName("Rose growers") = long(types::CommunityName::LENGTH)
);
leaf!(
    /// A message of a community. Not blank.
    CommunityText("Which rose would you plant in clay?") = long(types::CommunityText::LENGTH)
);
leaf!(
    /// What a user is to a community.
    Role("creator") = words(["creator", "member"])
);
leaf!(
    /// A push subscription.
    PushSubscriptionId("b41f0c9a7d2e48368f5a1c0e6d93b752") = hex(types::PushSubscriptionId::from_bytes([0; 16]))
);
leaf!(
    /// A URL of a known push service: on fcm.googleapis.com, push.services.mozilla.com, push.apple.com or notify.windows.com.
    PushEndpoint("https://fcm.googleapis.com/fcm/send/dK3bT0pGx4s:APA91bG8Yw2nQ5") =
        long(types::PushEndpoint::LENGTH).pattern(Some("^https://"))
);
leaf!(
    /// A browser's public key, an uncompressed point of P-256, in base64url.
    PushKey("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4") =
        pattern(r"^[\w-]+=*$")
);
leaf!(
    /// A browser's secret of 16 bytes, in base64url.
    PushSecret("BTBZMqHH6r4Tts7J_aSIgg") = pattern(r"^[\w-]+=*$")
);
leaf!(
    /// What a mail about messages carries to end them.
    UnsubscribeToken("AZwy5HwoobLD1OX2SlOxXu9Y8PzKkq4WbN3cEw") = text()
);
leaf!(
    /// Where something is to be fetched.
    Url("https://cards.example.com/cards/AZjA3nobfD2eT1prfI2eDwGYwN8QQXpSi2PE1eb3CBleDJHXovNLhpLhwH07T6hW.png") =
        formatted("uri")
);

#[cfg(test)]
mod tests;
