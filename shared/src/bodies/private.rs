//! Private messages.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{False, True, constant};
use crate::types::{UploadReference, schema};
use crate::{
    bucket::attachments::Unfit,
    store::{Marks, PrivateMessage},
    types::{
        AssetId, ByteCount, ContentType, ConversationId, FileName, MediaKind, MessageKind, PrivateMessageId,
        PrivateText, PublicIds, Timestamp, UserId, Username,
    },
};

/// What went wrong, in words for a person.
#[derive(Serialize, ToSchema)]
pub struct PrivateFailure {
    pub success: False,
    pub message: Cow<'static, str>,
    pub timestamp: Timestamp,
    /// Of media that can't be sent: each upload that failed, in the order named. None when we failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_items = 10)]
    pub details: Option<Vec<Unfit>>,
}

/// The envelope of every answer.
#[derive(Serialize, ToSchema)]
pub struct Processed<T> {
    success: True,
    message: ProcessedText,
    #[schema(inline)]
    data: T,
    timestamp: Timestamp,
}

impl<T> Processed<T> {
    pub fn new(data: T, timestamp: Timestamp) -> Self {
        Self { success: True, message: ProcessedText, data, timestamp }
    }
}

constant!(ProcessedText: String = "request processed successfully");

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrivateMessage {
    pub content: PrivateText,
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// Different uploads of the sender.
    #[schema(value_type = Option<Vec<UploadReference>>, max_items = 10)]
    pub media: Option<PublicIds>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUpload {
    #[serde(rename = "type")]
    pub kind: MediaKind,
    pub content_type: ContentType,
    pub bytes: ByteCount,
    /// The name under which a browser saves it.
    pub name: Option<FileName>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upto {
    pub message_id: PrivateMessageId,
}

/// A message as both of its users see it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrivateMessageBody<'a> {
    conversation_id: ConversationId,
    sender_id: UserId,
    #[serde(rename = "type")]
    kind: MessageKind,
    #[schema(value_type = schema::PrivateContent)]
    content: &'a str,
    media: Vec<MediaBody<'a>>,
    /// The other user, once the message is delivered.
    #[schema(max_items = 1)]
    delivered_to: Vec<UserId>,
    /// The other user, once the message is seen.
    #[schema(max_items = 1)]
    seen_by: Vec<UserId>,
    #[schema(examples(false))]
    is_deleted: bool,
    #[serde(rename = "_id")]
    id: PrivateMessageId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MediaBody<'a> {
    /// Good for an hour.
    #[schema(value_type = schema::Url)]
    url: String,
    #[schema(value_type = schema::AssetName)]
    public_id: String,
    asset_id: AssetId,
    #[serde(rename = "type")]
    kind: MediaKind,
    /// In pixels, as shown. Null for a file.
    #[schema(examples(640))]
    height: Option<u32>,
    /// In pixels, as shown. Null for a file.
    #[schema(examples(640))]
    width: Option<u32>,
    #[schema(examples(48213))]
    bytes: u64,
    /// As it was given with the upload.
    name: Option<&'a FileName>,
}

impl<'a> PrivateMessageBody<'a> {
    /// `urls`: one for each of its media. `reader`: the user of the two who did not send it, with that user's marks, unless the account
    /// is gone.
    pub fn of(message: &'a PrivateMessage, urls: &[String], reader: Option<(UserId, Marks)>) -> Self {
        let media = message.media.iter().zip(urls).map(|(media, url)| MediaBody {
            url: url.clone(),
            public_id: media.asset.public_id(message.conversation),
            asset_id: media.asset,
            kind: media.kind,
            height: media.height,
            width: media.width,
            bytes: media.bytes,
            name: media.name.as_ref(),
        });
        let marked = |is_marked: fn(&Marks, PrivateMessageId) -> bool| {
            reader.filter(|(_, marks)| is_marked(marks, message.id)).map(|(user, _)| user).into_iter().collect()
        };
        Self {
            conversation_id: message.conversation,
            sender_id: message.sender,
            kind: message.kind,
            content: &message.content,
            media: media.collect(),
            delivered_to: marked(Marks::was_delivered),
            seen_by: marked(Marks::has_seen),
            is_deleted: message.is_deleted,
            id: message.id,
            created_at: message.id.made_at(),
            updated_at: message.updated_at,
        }
    }
}

/// Where to put an upload, with exactly these headers, and within 15 minutes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadBody<'a> {
    #[schema(value_type = schema::UploadName)]
    pub public_id: String,
    #[schema(value_type = schema::Url)]
    pub url: String,
    pub method: Put,
    pub headers: UploadHeadersBody<'a>,
    pub expires_at: Timestamp,
}

constant!(Put: String = "PUT");

#[derive(Serialize, ToSchema)]
pub struct UploadHeadersBody<'a> {
    #[serde(rename = "Content-Type")]
    pub content_type: &'a ContentType,
    #[serde(rename = "Content-Length")]
    #[schema(pattern = "^[1-9][0-9]*$", examples("48213"))]
    pub content_length: String,
    /// Only of an upload with a name.
    #[serde(rename = "Content-Disposition", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("attachment; filename*=UTF-8''minutes.pdf"))]
    pub content_disposition: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationBody<'a> {
    #[serde(rename = "_id")]
    pub id: ConversationId,
    pub partner: PartnerBody<'a>,
    pub last_message: Option<PrivateMessageBody<'a>>,
    pub unread_count: u64,
}

#[derive(Serialize, ToSchema)]
pub struct PartnerBody<'a> {
    #[serde(rename = "_id")]
    pub id: UserId,
    /// Null when the account is gone.
    pub username: Option<&'a Username>,
}

/// Newest activity first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationsBody<'a> {
    pub conversations: Vec<ConversationBody<'a>>,
    #[schema(value_type = Option<schema::Cursor>)]
    pub next_cursor: Option<String>,
}

/// Messages, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrivateMessagesBody<'a> {
    pub messages: Vec<PrivateMessageBody<'a>>,
    #[schema(value_type = Option<schema::Cursor>)]
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarkedUptoBody {
    pub conversation_id: ConversationId,
    pub message_id: PrivateMessageId,
    pub unread_count: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockBody {
    pub user_id: UserId,
    pub blocked: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedUserBody<'a> {
    #[serde(rename = "_id")]
    pub id: UserId,
    /// Null when the account is gone.
    pub username: Option<&'a Username>,
    pub blocked_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedUsersBody<'a> {
    pub users: Vec<BlockedUserBody<'a>>,
    #[schema(value_type = Option<schema::Cursor>)]
    pub next_cursor: Option<String>,
}
