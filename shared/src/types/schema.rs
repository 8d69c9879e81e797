//! Schemas of the values in bodies, paths and queries, for the API document. Each has the rules of the type that parses it, and an
//! example. No function calls them, so no deployed binary contains them.

use std::ops::RangeInclusive;

use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

use super::*;

/// Describes a type, with an example of it.
macro_rules! described {
    ($(#[doc = $doc:literal])+ $name:ident($example:expr) = $schema:expr) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = [$($doc),+].map(str::trim).join(" ");
                $schema.description(Some(description)).examples([json!($example)]).build().into()
            }
        }

        impl ToSchema for $name {}
    };
}

/// The same for texts of ours that no type parses, as nobody sends them, or as any text is taken for one.
macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident($example:expr) = $schema:expr) => {
        $(#[doc = $doc])+
        pub struct $name;

        described!($(#[doc = $doc])+ $name($example) = $schema);
    };
}

/// C0 controls but for tab, line feed and carriage return, within a class: what no text may have.
const CONTROLS: &str = r"\u0000-\u0008\u000b\u000c\u000e-\u001f";

/// What shows nothing (`texts::is_blank`), within a class. A test in openapi/ compares it character by character.
const UNSEEN: &str = concat!(
    r"\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f",
    r"\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb",
    "\u{1BCA0}-\u{1BCA3}\u{1D173}-\u{1D17A}\u{E0000}-\u{E0FFF}"
);

/// The local part has 64 characters at most and may be quoted (RFC 5321, section 4.1.2); labels of the domain have 63.
const EMAIL: &str = concat!(
    r"^\s*(?![^@]{65})(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*|",
    r#""(?:[ \t!#-\[\]-~]|\\[!-~]){1,62}")@"#,
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?![0-9]+\s*$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\s*$"
);

/// Names as RFC 6838, section 4.2 restricts them, and parameters, such as the codecs of a recording.
const CONTENT_TYPE: &str = concat!(
    r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.-]*(?:\+[A-Za-z0-9][A-Za-z0-9!#$&^_.-]*)?",
    r#"(?:; ?[A-Za-z0-9_.-]+=(?:[A-Za-z0-9_.,-]+|"[A-Za-z0-9_., -]+"))*$"#
);

/// A host is written in any case.
fn push_endpoint() -> String {
    let any_case = |host: &str| {
        let letters = host.chars().map(|c| match c {
            '.' => r"\.".to_owned(),
            c => format!("[{}{c}]", c.to_ascii_uppercase()),
        });
        letters.collect::<String>()
    };
    let whole = ["fcm.googleapis.com", "web.push.apple.com"].map(any_case).join("|");
    let below = ["push.services.mozilla.com", "push.apple.com", "notify.windows.com"].map(any_case).join("|");
    let label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    let path = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})+";
    format!(r"^https://(?:{whole}|(?:{label}\.){{1,3}}(?:{below}))(?::443)?/{path}$")
}

/// One line in which every character is seen, but for the joiners and variation selectors that emoji and some scripts need.
fn community_name() -> String {
    const ALLOWED: &str = concat!(
        r"[^\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e",
        r"\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb",
        "\u{1BCA0}-\u{1BCA3}\u{1D173}-\u{1D17A}\u{E0000}-\u{E0FFF}]"
    );
    format!("^{ALLOWED}*[^{UNSEEN}]{ALLOWED}*$")
}

fn file_name() -> String {
    const ALLOWED: &str = r"[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069/\\]";
    format!("^(?=.*[^{UNSEEN}]){ALLOWED}+$")
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn long(length: RangeInclusive<usize>) -> ObjectBuilder {
    text().min_length(Some(*length.start()).filter(|least| *least > 0)).max_length(Some(*length.end()))
}

/// Of that length, and without control characters.
fn plain(length: RangeInclusive<usize>) -> ObjectBuilder {
    long(length).pattern(Some(format!("^[^{CONTROLS}]*$")))
}

/// The same, and not blank.
fn written(length: RangeInclusive<usize>) -> ObjectBuilder {
    long(length).pattern(Some(format!("^[^{CONTROLS}]*[^{UNSEEN}][^{CONTROLS}]*$")))
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
fn hex(id: impl std::fmt::Display) -> ObjectBuilder {
    pattern(&format!("^[0-9a-f]{{{}}}$", id.to_string().len()))
}

fn uuid() -> ObjectBuilder {
    formatted("uuid").pattern(Some("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"))
}

fn one_of<const N: usize>(words: [&str; N]) -> ObjectBuilder {
    text().enum_values(Some(words))
}

fn number(least: u64, most: impl Into<Option<u64>>) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least as f64));
    number.maximum(most.into().map(|most| most as f64))
}

// --- Times and lists
described!(
    /// A moment in UTC, to the millisecond.
    Timestamp("2026-02-06T12:37:51.523Z") = moment()
);
words!(
    /// A moment of the years 1970 to 9999, with any offset (RFC 3339).
    Moment("2027-02-06T12:00:00Z") = formatted("date-time").pattern(Some("^(19[7-9]|[2-9][0-9][0-9])[0-9]-"))
);
words!(
    /// Where a list goes on, as its last page said. An empty one begins it anew.
    Cursor("AZwy9W8jjzphwFsuAVd1nQ3vKp0sYq8t") = pattern(r"^[A-Za-z0-9_-]*$")
);
described!(
    /// How many entries are wanted.
    PageSize(20) = number(1, PageSize::MAX.get() as u64)
);
described!(
    /// Which page is wanted. Behind the last one they are empty.
    PageNumber(1) = number(1, None)
);

// --- Accounts
described!(
    /// A user.
    UserId("019c32f1d2a04c5b6e7f8091") = hex(UserId::from_bytes([0; 12]))
);
described!(
    /// A device of a user.
    DeviceId("5d0c9b1e7a3f48628c4e1f0b9d2a6735") = hex(DeviceId::from_bytes([0; 16]))
);
described!(
    /// Letters, digits and underscores. Two names that differ only in case can't both be claimed.
    Username("ann_lee") = long(Username::LENGTH).pattern(Some("^[a-zA-Z0-9_]+$"))
);
described!(
    /// An e-mail address in ASCII. White space around it is dropped, and its domain becomes lower case.
    Email("ann.lee@example.com") = text().max_length(Some(*Email::LENGTH.end())).pattern(Some(EMAIL))
);
described!(
    /// The e-mail address or the username of an account.
    Identifier("ann_lee") = long(Identifier::LENGTH)
);
described!(
    /// A password to be. Not blank.
    Password("correct horse battery") = written(Password::LENGTH).format(Some(SchemaFormat::KnownFormat(
        utoipa::openapi::KnownFormat::Password
    )))
);
described!(
    /// The password, or what somebody takes for it.
    PasswordTry("correct horse battery") = formatted("password")
);
described!(
    /// The six digits of a mail. They are good for five minutes and five wrong tries.
    CodeTry("482913") = text()
);
described!(
    /// The name of a device, chosen by its user. Not blank.
    DeviceName("Ann's laptop") = written(DeviceName::LENGTH)
);
words!(
    /// A session, to be sent as a bearer token.
    SessionToken("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJzb3R0byJ9.Vb0yq3nTzX1oJtY5m6sW8kQfRgLhDcEaPuIvNxZwM4c") =
        pattern(r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")
);

// --- Inboxes
described!(
    /// A message in an inbox. These ids sort by time.
    InboxMessageId("019c32f56f238f3a61c05b2e") = hex(InboxMessageId::from_bytes([0; 12]))
);
described!(
    /// A message to an inbox. Not blank.
    InboxText("You explained that very well today. Thank you!") = written(InboxText::LENGTH)
);

// --- Links
described!(
    /// A link.
    LinkId("0198c0de-7a1b-7c3d-9e4f-5a6b7c8d9e0f") = uuid()
);
described!(
    /// A message to a link. These ids sort by time.
    LinkMessageId("0198c0df-1041-7a52-8b63-c4d5e6f70819") = uuid()
);
described!(
    /// The name of a link in its URL: lower-case letters, digits and hyphens, no hyphen at either end. Some names are reserved.
    Slug("team-feedback") = long(Slug::LENGTH).pattern(Some("^[a-z0-9][a-z0-9-]*[a-z0-9]$"))
);
described!(
    /// The title of a link. Not blank.
    Title("Team feedback") = written(Title::LENGTH)
);
described!(
    /// The description of a link or a community.
    Description("What should we keep doing?") = plain(Description::LENGTH)
);
described!(
    /// What opens a link to senders. Not blank.
    Pin("four words or numbers") = written(Pin::LENGTH)
);
described!(
    /// The PIN, or what somebody takes for it.
    PinTry("four words or numbers") = text()
);
described!(
    /// How many messages a link takes at most.
    MaxMessages(100) = number(1, u64::from(MaxMessages::MOST))
);
described!(
    /// A message to a link. Not blank.
    LinkText("Fewer meetings, please.") = written(LinkText::LENGTH)
);
words!(
    /// What opens a link to its owner. It is shown once.
    AdminToken("3f9a1c5e7b2d4860a9c8e7f6051423324150f6e7d8c9babbacad9e8f70615243") = pattern("^[0-9a-f]{64}$")
);
words!(
    /// What opens one message to everyone.
    ShareToken("AZjA3nobfD2eT1prfI2eDwGYwN8QQXpSi2PE1eb3CBleDJHXovNLhpLhwH07T6hW") = pattern("^[A-Za-z0-9_-]{64}$")
);

// --- Private messages
described!(
    /// A private conversation.
    ConversationId("019c32f1d2a0b7c6d5e4f3a2") = hex(ConversationId::from_bytes([0; 12]))
);
described!(
    /// A private message. Those of one conversation sort in the order of its messages.
    PrivateMessageId("019c32f56f238f3a61c05b2e") = hex(PrivateMessageId::from_bytes([0; 12]))
);
described!(
    /// A private message. Not blank.
    PrivateText("See you at eight?") = written(PrivateText::LENGTH)
);
words!(
    /// The content of a message. It is empty once the message is deleted.
    PrivateContent("See you at eight?") = long(0..=*PrivateText::LENGTH.end())
);
described!(
    /// The type of a message. One of type `image` or `video` carries only that.
    MessageKind("image") = {
        use MessageKind as Kind;
        one_of([Kind::Text, Kind::Image, Kind::Video, Kind::File].map(Kind::as_str))
    }
);
described!(
    /// What an upload is sent as.
    MediaKind("image") = {
        use MediaKind as Kind;
        one_of([Kind::Image, Kind::Video, Kind::File].map(Kind::as_str))
    }
);
described!(
    /// A size in bytes. Of an image up to 16 MiB, of a video up to 200 MiB, of a file up to 50 MiB.
    ByteCount(48213) = number(1, MediaKind::Video.most_bytes())
);
described!(
    /// The name of a file: not blank, without control and direction characters and without slashes.
    FileName("minutes.pdf") = long(FileName::LENGTH).pattern(Some(file_name()))
);
words!(
    /// The name of an upload.
    UploadName("temp/user_019c32f1d2a04c5b6e7f8091/image-7d1f0c5b9e2a48638f5a1c0e6d93b752") =
        pattern("^temp/user_[0-9a-f]{24}/(image|video|file)-[0-9a-f]{32}$")
);
words!(
    /// The name of a message's image, video or file.
    AssetName("media/019c32f1d2a0b7c6d5e4f3a2/2f6b0d9c8e7a415386f4e2d1c0b9a801") = pattern("^media/[0-9a-f]{24}/[0-9a-f]{32}$")
);
described!(
    /// An image, a video or a file of a message.
    AssetId("2f6b0d9c8e7a415386f4e2d1c0b9a801") = hex(AssetId::from_bytes([0; 16]))
);
described!(
    /// A media type. For an image `image/png`, `image/jpeg`, `image/gif` or `image/webp`; for a video `video/mp4`, `video/webm` or
    /// `video/quicktime`; for a file any.
    ContentType("image/png") = long(ContentType::LENGTH).pattern(Some(CONTENT_TYPE))
);

// --- Communities and notifications
described!(
    /// A community.
    CommunityId("019c32f0-5d3a-7c41-9e2b-6f8a1d4c7b90") = uuid()
);
described!(
    /// A message of a community. Those of one conversation sort in the order of its messages.
    CommunityMessageId("019c32f5-6f23-7a38-bf3a-61c05b2e9d47") = uuid()
);
described!(
    /// The name of a community: one line, not blank, without invisible characters.
    CommunityName("Rose growers") = long(CommunityName::LENGTH).pattern(Some(community_name()))
);
described!(
    /// A message of a community. Not blank.
    CommunityText("Which rose would you plant in clay?") = written(CommunityText::LENGTH)
);
described!(
    /// A push subscription.
    PushSubscriptionId("b41f0c9a7d2e48368f5a1c0e6d93b752") = hex(PushSubscriptionId::from_bytes([0; 16]))
);
described!(
    /// A URL of a known push service: on fcm.googleapis.com, push.services.mozilla.com, push.apple.com or notify.windows.com.
    PushEndpoint("https://fcm.googleapis.com/fcm/send/dK3bT0pGx4s:APA91bG8Yw2nQ5") =
        long(PushEndpoint::LENGTH).pattern(Some(push_endpoint()))
);
described!(
    /// A browser's public key, an uncompressed point of P-256, in base64url.
    PushKey("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4") =
        formatted("p256-public-key").pattern(Some("^B[A-Za-z0-9_-]{86}=?$"))
);
described!(
    /// A browser's secret of 16 bytes, in base64url.
    PushSecret("BTBZMqHH6r4Tts7J_aSIgg") = pattern("^[A-Za-z0-9_-]{21}[AQgw](==)?$")
);
words!(
    /// The token in a mail about messages. It ends such mails.
    UnsubscribeToken("AZwy5HwoobLD1OX2SlOxXu9Y8PzKkq4WbN3cEw") = text()
);
words!(
    /// The key of a deployment's pushes: the `applicationServerKey` of `PushManager.subscribe`, in base64url.
    ApplicationServerKey("BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM") =
        pattern("^[A-Za-z0-9_-]{87}$")
);
words!(
    /// Where something is to be fetched.
    Url("https://cards.example.com/cards/AZjA3nobfD2eT1prfI2eDwGYwN8QQXpSi2PE1eb3CBleDJHXovNLhpLhwH07T6hW.png") =
        formatted("uri")
);
