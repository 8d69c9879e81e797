//! Anonymous links.

use serde_json::json;
use shared::http::{LinksError, Problem};
use utoipa::ToSchema;

use crate::{
    joined::joined,
    numbers::{Count, MaxMessages},
    operation::{Documented, Operation},
    shape::Shape,
    types::*,
};

type Error = LinksError;

/// What went wrong, in words for a person.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct LinksFailure {
    #[schema(examples("Link not found"))]
    error: String,
}

impl Documented for LinksError {
    fn shape(_: u16) -> Shape {
        Shape::of::<LinksFailure>()
    }
}

/// Fields that are not known are passed over.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewLink {
    title: Title,
    slug: Option<Slug>,
    description: Option<Description>,
    pin: Option<Pin>,
    /// In the future.
    expires_at: Option<Moment>,
    /// Before it expires.
    starts_at: Option<Moment>,
    max_messages: Option<MaxMessages>,
    /// Whether whoever is signed in is told of the link's messages.
    notify: Option<bool>,
}

/// What is left out stays as it is; null clears.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct LinkChange {
    #[schema(required = false)]
    is_active: bool,
    #[schema(required = false)]
    title: Title,
    description: Option<Description>,
    pin: Option<Pin>,
    /// In the future.
    expires_at: Option<Moment>,
    /// Before it expires.
    starts_at: Option<Moment>,
    max_messages: Option<MaxMessages>,
}

/// A link as everyone may see it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Link {
    id: LinkId,
    slug: Slug,
    title: Title,
    #[schema(required)]
    description: Option<Description>,
    is_active: bool,
    has_pin: bool,
    status: LinkStatus,
    #[schema(required)]
    expires_at: Option<End>,
    #[schema(required)]
    starts_at: Option<Timestamp>,
    #[schema(required)]
    max_messages: Option<MaxMessages>,
    created_at: Timestamp,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Counted {
    message_count: Count,
}

joined!(
    /// A link as its owner sees it with its messages.
    OwnLink = Link, Counted
);

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreatedLink {
    link: Link,
    /// Where people write to it.
    #[schema(examples("https://sotto.example.com/team-feedback"))]
    share_url: String,
    /// Where its owner reads it. Has the admin token in it.
    #[schema(examples(
        "https://sotto.example.com/team-feedback/admin?token=3f9a1c5e7b2d4860a9c8e7f6051423324150f6e7d8c9babbacad9e8f70615243"
    ))]
    admin_url: String,
    admin_token: AdminToken,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct FoundLink {
    link: Link,
}

#[derive(ToSchema)]
struct NewLinkMessage {
    content: LinkText,
    pin: Option<PinTry>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkMessage {
    id: LinkMessageId,
    content: LinkText,
    share_token: ShareToken,
    created_at: Timestamp,
}

/// Messages, newest first.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkMessages {
    link: OwnLink,
    messages: Vec<LinkMessage>,
    #[schema(required)]
    next_cursor: Option<Cursor>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct SharedMessage {
    content: LinkText,
    link_title: Title,
    created_at: Timestamp,
    #[schema(required)]
    card_url: Option<Url>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct FoundMessage {
    message: SharedMessage,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Card {
    url: Url,
    #[schema(examples("cards/AZjA3nobfD2eT1prfI2eDwGYwN8QQXpSi2PE1eb3CBleDJHXovNLhpLhwH07T6hW.png"))]
    filename: String,
}

fn done() -> Shape {
    Shape::object([("success", Shape::truth(true))])
}

fn own(function: &'static str) -> Operation<Error> {
    let refusals = [Error::AdminTokenRequired, Error::WrongAdminToken, Error::LinkNotFound];
    Operation::of(function).path::<Slug>("slug").admin(refusals)
}

pub fn operations() -> [Operation<Error>; 9] {
    [
        Operation::of("create-link")
            .perhaps_session()
            .refuses_others()
            .takes::<NewLink>()
            .idempotent()
            .gives::<CreatedLink>(201)
            .fails([Error::ExpiresInThePast, Error::ExpiresBeforeStart, Error::SlugTaken]),
        Operation::of("get-link").path::<Slug>("slug").gives::<FoundLink>(200).fails([Error::LinkNotFound]),
        own("update-link").takes::<LinkChange>().gives::<FoundLink>(200).fails([
            Error::NothingToChange,
            Error::ExpiresInThePast,
            Error::ExpiresBeforeStart,
        ]),
        own("delete-link").gives_shape(200, done()).fails([Error::StillDeleting]),
        Operation::of("send-link-message")
            .path::<Slug>("slug")
            .takes::<NewLinkMessage>()
            .idempotent()
            .gives_shape(201, done())
            .fails([
                Error::PinRequired,
                Error::WrongPin,
                Error::Paused,
                Error::NotStarted(example_moment()),
                Error::LinkNotFound,
                Error::Full,
                Error::Expired,
            ]),
        own("list-link-messages").paged().gives::<LinkMessages>(200),
        own("delete-link-message").path::<LinkMessageId>("id").gives_shape(200, done()).fails([Error::MessageNotFound]),
        Operation::of("get-shared-message")
            .path::<ShareToken>("id")
            .gives::<FoundMessage>(200)
            .fails([Error::MessageNotFound]),
        upload_card(),
    ]
}

fn upload_card() -> Operation<Error> {
    let form = json!({
        "type": "object",
        "required": ["file", "shareToken"],
        "properties": {
            "file": {
                "type": "string",
                "contentMediaType": "image/png",
                "contentEncoding": "binary",
                "description": "A PNG of up to 4 MiB and 4096 pixels a side.",
            },
            "shareToken": Shape::of::<ShareToken>().schema,
        },
    });
    Operation::of("upload-card")
        .takes_other("multipart/form-data", form, true)
        .idempotent()
        .perhaps_admin(Error::WrongAdminToken)
        .gives::<Card>(201)
        .fails([
            Problem::bad_request("file is required"),
            Problem::too_large("The card must not be larger than 4 MiB"),
            Problem::no_form(),
            Problem::no_boundary(),
        ])
        .fails([Error::CardTooLarge, Error::CardUnreadable, Error::MessageNotFound, Error::CardExists])
}

fn example_moment() -> shared::types::Timestamp {
    shared::types::Parse::parse(Timestamp::EXAMPLE).expect("a time")
}
