//! Private messages.

use shared::{
    bucket::attachments::NotPromoted,
    http::PrivateError,
    types::{MediaKind as Kind, MessageKind as MessageKindOf},
};
use utoipa::ToSchema;

use crate::{
    constants::{False, Put},
    numbers::{Bytes, Count, Pixels},
    operation::{Documented, Operation},
    shape::Shape,
    types::*,
};

type Error = PrivateError;

/// What went wrong, in words for a person.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct PrivateFailure {
    #[schema(inline)]
    success: False,
    #[schema(examples("Message not found"))]
    message: String,
    timestamp: Timestamp,
    /// Of media that can't be sent: each upload that failed, in the order named. None when we failed.
    #[schema(max_items = 10)]
    details: Option<Vec<UnfitUpload>>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UnfitUpload {
    /// As it was named.
    #[schema(examples("temp/user_019c32f1d2a04c5b6e7f8091/image-7d1f0c5b9e2a48638f5a1c0e6d93b752"))]
    public_id: String,
    reason: UnfitReason,
}

impl Documented for PrivateError {
    fn shape(_: u16) -> Shape {
        Shape::of::<PrivateFailure>()
    }
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPrivateMessage {
    content: PrivateText,
    #[serde(rename = "type")]
    kind: MessageKind,
    /// Different uploads of one's own.
    #[schema(max_items = 10)]
    media: Option<Vec<UploadReference>>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UploadReference {
    public_id: UploadName,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PrivateMessage {
    conversation_id: ConversationId,
    sender_id: UserId,
    #[serde(rename = "type")]
    kind: MessageKind,
    content: PrivateContent,
    media: Vec<Media>,
    /// The other one, or nobody.
    #[schema(max_items = 1)]
    delivered_to: Vec<UserId>,
    /// The other one, or nobody.
    #[schema(max_items = 1)]
    seen_by: Vec<UserId>,
    #[schema(examples(false))]
    is_deleted: bool,
    #[serde(rename = "_id")]
    id: PrivateMessageId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Media {
    /// Good for an hour.
    url: Url,
    public_id: AssetName,
    asset_id: AssetId,
    #[serde(rename = "type")]
    kind: MediaKind,
    #[schema(required)]
    height: Option<Pixels>,
    #[schema(required)]
    width: Option<Pixels>,
    bytes: Bytes,
    /// As it was given with the upload.
    #[schema(required)]
    name: Option<FileName>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewUpload {
    #[serde(rename = "type")]
    kind: MediaKind,
    content_type: ContentType,
    bytes: Bytes,
    /// Under which whoever gets it saves it.
    name: Option<FileName>,
}

/// Where to put an upload, with exactly these headers, and within 15 minutes.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Upload {
    public_id: UploadName,
    url: Url,
    #[schema(inline)]
    method: Put,
    headers: UploadHeaders,
    expires_at: End,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct UploadHeaders {
    #[serde(rename = "Content-Type")]
    content_type: ContentType,
    #[serde(rename = "Content-Length")]
    #[schema(pattern = "^[1-9][0-9]*$", examples("48213"))]
    content_length: String,
    /// Only of an upload with a name.
    #[serde(rename = "Content-Disposition")]
    #[schema(examples("attachment; filename*=UTF-8''minutes.pdf"))]
    content_disposition: Option<String>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Conversation {
    #[serde(rename = "_id")]
    id: ConversationId,
    partner: Partner,
    #[schema(required)]
    last_message: Option<PrivateMessage>,
    unread_count: Count,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Partner {
    #[serde(rename = "_id")]
    id: UserId,
    /// Null when the account is gone.
    #[schema(required)]
    username: Option<Username>,
}

/// Newest activity first.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Conversations {
    conversations: Vec<Conversation>,
    #[schema(required)]
    next_cursor: Option<Cursor>,
}

/// Messages, newest first.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PrivateMessages {
    messages: Vec<PrivateMessage>,
    #[schema(required)]
    next_cursor: Option<Cursor>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Upto {
    message_id: PrivateMessageId,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MarkedUpto {
    conversation_id: ConversationId,
    message_id: PrivateMessageId,
    unread_count: Count,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Block {
    user_id: UserId,
    blocked: bool,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BlockedUser {
    #[serde(rename = "_id")]
    id: UserId,
    /// Null when the account is gone.
    #[schema(required)]
    username: Option<Username>,
    blocked_at: Timestamp,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BlockedUsers {
    users: Vec<BlockedUser>,
    #[schema(required)]
    next_cursor: Option<Cursor>,
}

/// `T` in the family's envelope.
fn processed<T: ToSchema>() -> Shape {
    Shape::said("request processed successfully", [("data", Shape::of::<T>()), ("timestamp", Shape::of::<Timestamp>())])
}

/// For one of the two users of a conversation.
fn within(function: &'static str) -> Operation<Error> {
    let refusals = [Error::BadId("conversationId"), Error::NotAMember];
    Operation::of(function).trusted().path::<ConversationId>("conversationId").fails(refusals)
}

fn mark(function: &'static str) -> Operation<Error> {
    within(function).takes::<Upto>().gives_shape(200, processed::<MarkedUpto>()).fails([Error::MessageNotFound])
}

fn send(operation: Operation<Error>) -> Operation<Error> {
    operation.takes::<NewPrivateMessage>().idempotent().gives_shape(200, processed::<PrivateMessage>()).fails([
        Error::UnknownUser,
        Error::Blocked,
        Error::ForeignMedia,
        Error::MixedMedia(MessageKindOf::Image),
        Error::NotPromoted(NotPromoted::Failed(shared::store::StoreError::MoreToDo)),
    ])
}

pub fn operations() -> [Operation<Error>; 11] {
    [
        send(Operation::of("send-to-user").trusted().path::<UserId>("id"))
            .fails([Error::BadId("userId"), Error::ToSelf]),
        send(Operation::of("send-to-conversation").trusted().path::<ConversationId>("id"))
            .fails([Error::BadId("conversationId"), Error::NotAMember]),
        Operation::of("create-upload")
            .trusted()
            .takes::<NewUpload>()
            .idempotent()
            .gives_shape(201, processed::<Upload>())
            .fails([Error::UnfitUpload(Kind::Image), Error::WrongUploadSize(Kind::Image)]),
        Operation::of("list-conversations").trusted().paged().gives_shape(200, processed::<Conversations>()),
        within("list-private-messages").paged().gives_shape(200, processed::<PrivateMessages>()),
        mark("mark-delivered"),
        mark("mark-seen"),
        within("delete-private-message")
            .path::<PrivateMessageId>("messageId")
            .gives_shape(200, processed::<PrivateMessage>())
            .fails([Error::BadId("messageId"), Error::NotTheSender, Error::MessageNotFound]),
        Operation::of("block-user").trusted().path::<UserId>("userId").gives_shape(200, processed::<Block>()).fails([
            Error::BadId("userId"),
            Error::ToSelf,
            Error::UserNotFound,
        ]),
        Operation::of("unblock-user")
            .trusted()
            .path::<UserId>("userId")
            .gives_shape(200, processed::<Block>())
            .fails([Error::BadId("userId")]),
        Operation::of("list-blocked-users").trusted().paged().gives_shape(200, processed::<BlockedUsers>()),
    ]
}
