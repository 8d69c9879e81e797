//! Anonymous links.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::True;
use crate::types::schema;
use crate::{
    store::{Link, LinkStatus},
    types::{
        Description, LinkId, LinkMessageId, LinkText, MaxMessages, Patch, Pin, PinTry, Slug, Timestamp, Title, given,
    },
};

/// What went wrong, in words for a person.
#[derive(Serialize, ToSchema)]
pub struct LinksFailure {
    pub error: Cow<'static, str>,
}

#[derive(Serialize, ToSchema)]
pub struct LinkDone {
    success: True,
}

impl LinkDone {
    pub const DONE: Self = Self { success: True };
}

/// Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewLink {
    pub title: Title,
    pub slug: Option<Slug>,
    pub description: Option<Description>,
    pub pin: Option<Pin>,
    /// In the future.
    #[schema(value_type = Option<schema::Moment>)]
    pub expires_at: Option<Timestamp>,
    /// Before it expires.
    #[schema(value_type = Option<schema::Moment>)]
    pub starts_at: Option<Timestamp>,
    pub max_messages: Option<MaxMessages>,
    /// Whether the signed-in user is notified of the link's messages. `true` needs a session.
    pub notify: Option<bool>,
}

/// A field that is left out stays as it is; null clears it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool)]
    pub is_active: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Title)]
    pub title: Option<Title>,
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    pub description: Patch<Description>,
    #[serde(default)]
    #[schema(value_type = Option<Pin>)]
    pub pin: Patch<Pin>,
    /// In the future.
    #[serde(default)]
    #[schema(value_type = Option<schema::Moment>)]
    pub expires_at: Patch<Timestamp>,
    /// Before it expires.
    #[serde(default)]
    #[schema(value_type = Option<schema::Moment>)]
    pub starts_at: Patch<Timestamp>,
    #[serde(default)]
    #[schema(value_type = Option<MaxMessages>)]
    pub max_messages: Patch<MaxMessages>,
}

#[derive(Deserialize, ToSchema)]
pub struct NewLinkMessage {
    pub content: LinkText,
    pub pin: Option<PinTry>,
}

/// A link as everyone may see it.
#[derive(Serialize, ToSchema)]
pub struct LinkBody<'a> {
    id: LinkId,
    slug: &'a Slug,
    title: &'a Title,
    description: Option<&'a Description>,
    is_active: bool,
    has_pin: bool,
    status: LinkStatus,
    expires_at: Option<Timestamp>,
    starts_at: Option<Timestamp>,
    max_messages: Option<MaxMessages>,
    created_at: Timestamp,
}

impl<'a> LinkBody<'a> {
    pub fn of(link: &'a Link, now: Timestamp) -> Self {
        Self {
            id: link.id,
            slug: &link.slug,
            title: &link.title,
            description: link.description.as_ref(),
            is_active: link.is_active,
            has_pin: link.pin.is_some(),
            status: link.status(now),
            expires_at: link.expires_at,
            starts_at: link.starts_at,
            max_messages: link.max_messages,
            created_at: link.created_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct FoundLinkBody<'a> {
    pub link: LinkBody<'a>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedLinkBody<'a> {
    pub link: LinkBody<'a>,
    /// Where people write to it.
    #[schema(format = "uri", examples("https://sotto.example.com/team-feedback"))]
    pub share_url: String,
    /// Where its owner reads it. The admin token is in it.
    #[schema(
        format = "uri",
        examples(
            "https://sotto.example.com/team-feedback/admin?token=3f9a1c5e7b2d4860a9c8e7f6051423324150f6e7d8c9babbacad9e8f70615243"
        )
    )]
    pub admin_url: String,
    #[schema(value_type = schema::AdminToken)]
    pub admin_token: String,
}

/// A link as its owner sees it with its messages.
#[derive(Serialize, ToSchema)]
pub struct OwnLinkBody<'a> {
    #[serde(flatten)]
    pub link: LinkBody<'a>,
    pub message_count: u64,
}

#[derive(Serialize, ToSchema)]
pub struct LinkMessageBody {
    pub id: LinkMessageId,
    pub content: LinkText,
    #[schema(value_type = schema::ShareToken)]
    pub share_token: String,
    pub created_at: Timestamp,
}

/// Messages, newest first.
#[derive(Serialize, ToSchema)]
pub struct LinkMessagesBody<'a> {
    pub link: OwnLinkBody<'a>,
    pub messages: Vec<LinkMessageBody>,
    #[schema(value_type = Option<schema::Cursor>)]
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SharedMessageBody {
    pub content: LinkText,
    pub link_title: Title,
    pub created_at: Timestamp,
    #[schema(value_type = Option<schema::Url>)]
    pub card_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct FoundMessageBody {
    pub message: SharedMessageBody,
}

#[derive(Serialize, ToSchema)]
pub struct CardBody {
    #[schema(value_type = schema::Url)]
    pub url: String,
    #[schema(examples("cards/AZjA3nobfD2eT1prfI2eDwGYwN8QQXpSi2PE1eb3CBleDJHXovNLhpLhwH07T6hW.png"))]
    pub filename: String,
}
