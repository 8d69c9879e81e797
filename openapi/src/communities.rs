//! Communities.

use shared::{
    http::{CommunitiesError, Problem, Undelivered},
    types::{CommunityText as Text, Parse},
};
use utoipa::ToSchema;

use crate::{
    constants::NoAvatar,
    numbers::Count,
    operation::{Documented, Operation},
    shape::Shape,
    types::*,
};

type Error = CommunitiesError;

/// What went wrong, in words for a person.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommunitiesFailure {
    #[schema(examples("Community not found"))]
    message: String,
}

/// The same in a list, as clients of this one endpoint expect it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NotDelivered {
    #[schema(min_items = 1, max_items = 1)]
    message: Vec<Refusal>,
}

impl Documented for CommunitiesError {
    fn shape(_: u16) -> Shape {
        Shape::of::<CommunitiesFailure>()
    }
}

impl Documented for Undelivered {
    fn shape(status: u16) -> Shape {
        if matches!(status, 403 | 422) { Shape::of::<NotDelivered>() } else { Shape::of::<CommunitiesFailure>() }
    }
}

/// Fields that are not known are passed over.
#[derive(ToSchema)]
struct NewCommunity {
    name: CommunityName,
    description: Option<Description>,
}

/// What is left out stays as it is; null clears.
#[derive(ToSchema)]
struct CommunityChange {
    #[schema(required = false)]
    name: CommunityName,
    description: Option<Description>,
}

/// A user as other users see one.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Person {
    id: UserId,
    /// Null when the account is gone.
    #[schema(required)]
    username: Option<Username>,
    #[schema(inline)]
    avatar_url: NoAvatar,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Community {
    id: CommunityId,
    name: CommunityName,
    #[schema(required)]
    description: Option<Description>,
    creator: Person,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The caller's; null for who is no member, or is blocked.
    #[schema(required)]
    role: Option<Role>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Membership {
    community_id: CommunityId,
    user: Person,
    joined_at: Timestamp,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct CommunityMember {
    user: Person,
    joined_at: Timestamp,
    blocked: bool,
}

/// Those who are members now, in the order of their sign-ups.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Members {
    members: Vec<CommunityMember>,
    #[schema(required)]
    next_cursor: Option<Cursor>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberBlock {
    user_id: UserId,
    blocked: bool,
}

#[derive(ToSchema)]
struct NewCommunityMessage {
    recipient_id: UserId,
    content: CommunityText,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct CommunityMessage {
    id: CommunityMessageId,
    content: CommunityText,
    created_at: Timestamp,
    updated_at: Timestamp,
    sender: Person,
    recipient: Person,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct LatestMessage {
    id: CommunityMessageId,
    content: CommunityText,
    created_at: Timestamp,
    sender: Person,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct CommunityConversation {
    id: CommunityMessageId,
    updated_at: Timestamp,
    /// The other one.
    user: Person,
    latest_message: LatestMessage,
}

/// Newest activity first.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct CommunityConversations {
    total: Count,
    #[schema(examples(false))]
    has_more: bool,
    data: Vec<CommunityConversation>,
}

/// Messages, oldest first.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct CommunityMessages {
    total: Count,
    #[schema(examples(false))]
    has_more: bool,
    data: Vec<CommunityMessage>,
}

fn said(message: &str) -> Shape {
    Shape::object([("message", Shape::text(message))])
}

fn within<E: Documented + From<Error>>(function: &'static str) -> Operation<E> {
    Operation::of(function).session().path::<CommunityId>("community_id").fails([Error::CommunityNotFound])
}

fn block(function: &'static str) -> Operation<Error> {
    within(function)
        .path::<UserId>("user_id")
        .gives::<MemberBlock>(200)
        .fails([Error::NotTheCreator, Error::MemberNotFound])
}

pub fn send() -> Operation<Undelivered> {
    let too_long = Text::parse(&"x".repeat(Text::LENGTH.end() + 1)).expect_err("too long");
    within("send-community-message").takes::<NewCommunityMessage>().idempotent().gives::<CommunityMessage>(201).fails([
        Error::unprocessable(Text::BLANK),
        Error::unprocessable(too_long.0),
        Error::Unreachable,
    ])
}

pub fn operations() -> [Operation<Error>; 11] {
    [
        Operation::of("create-community").session().takes::<NewCommunity>().idempotent().gives::<Community>(201),
        within("get-community").gives::<Community>(200),
        within("update-community")
            .takes::<CommunityChange>()
            .gives::<Community>(200)
            .fails([Error::NotTheCreator, Error::NothingToChange]),
        within("join-community").idempotent().gives::<Membership>(201).fails([Error::Blocked, Error::IsCreator]),
        within("leave-community")
            .gives_shape(200, said("You are not a member of this community any more"))
            .fails([Error::IsCreator]),
        within("list-members")
            .paged_or(Error::Problem(Problem::bad_cursor()))
            .gives::<Members>(200)
            .fails([Error::NotTheCreator]),
        block("block-member"),
        block("unblock-member"),
        within("list-community-conversations")
            .numbered()
            .gives::<CommunityConversations>(200)
            .fails([Error::NotAMember]),
        within("list-community-messages")
            .path::<UserId>("id")
            .numbered()
            .gives::<CommunityMessages>(200)
            .fails([Error::NotInConversation]),
        within("delete-community-message")
            .path::<CommunityMessageId>("id")
            .gives_shape(200, said("Message deleted successfully"))
            .fails([Error::NotTheLast, Error::NotTheSender, Error::MessageNotFound]),
    ]
}
