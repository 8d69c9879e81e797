//! Communities.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::constant;
use crate::types::schema;
use crate::{
    store::{Community, CommunityMessage},
    types::{
        CommunityId, CommunityMessageId, CommunityName, CommunityText, Description, Patch, Timestamp, UserId, Username,
        given,
    },
};

/// What went wrong, in words for a person.
#[derive(Serialize, ToSchema)]
pub struct CommunitiesFailure {
    pub message: Cow<'static, str>,
}

/// The same in a list, as clients of this one endpoint expect it.
#[derive(Serialize, ToSchema)]
pub struct NotDelivered {
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 1)]
    pub message: [Cow<'static, str>; 1],
}

/// A success, in words for a person.
#[derive(Serialize, ToSchema)]
pub struct Said<M> {
    #[schema(inline)]
    message: M,
}

impl<M> Said<M> {
    pub fn new(message: M) -> Self {
        Self { message }
    }
}

constant!(CommunityLeft: String = "You are not a member of this community any more");
constant!(CommunityMessageDeleted: String = "Message deleted successfully");

/// Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
pub struct NewCommunity {
    pub name: CommunityName,
    pub description: Option<Description>,
}

/// A field that is left out stays as it is; null clears it.
#[derive(Deserialize, ToSchema)]
pub struct CommunityChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = CommunityName)]
    pub name: Option<CommunityName>,
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    pub description: Patch<Description>,
}

#[derive(Deserialize, ToSchema)]
pub struct NewCommunityMessage {
    pub recipient_id: UserId,
    pub content: CommunityText,
}

/// The role of a user in a community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Creator,
    Member,
}

/// A user as other users see one.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub struct PersonBody<'a> {
    id: UserId,
    /// Null when the account is gone.
    username: Option<&'a Username>,
    avatar_url: NoAvatar,
}

constant!(
    /// Always null: clients expect the field, and there are no avatars.
    NoAvatar: Null = ()
);

impl<'a> PersonBody<'a> {
    pub fn of(id: UserId, username: Option<&'a Username>) -> Self {
        Self { id, username, avatar_url: NoAvatar }
    }
}

/// The creator of a community and one of its members. Each message goes from one of them to the other.
#[derive(Clone, Copy)]
pub struct TwoBodies<'a>(pub [PersonBody<'a>; 2]);

impl<'a> TwoBodies<'a> {
    pub fn find(&self, user: UserId) -> PersonBody<'a> {
        let Self([one, other]) = *self;
        if one.id == user { one } else { other }
    }
}

#[derive(Serialize, ToSchema)]
pub struct CommunityBody<'a> {
    id: CommunityId,
    name: &'a CommunityName,
    description: Option<&'a Description>,
    creator: PersonBody<'a>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The caller's. Null for a caller who is not a member, or is blocked.
    role: Option<Role>,
}

impl<'a> CommunityBody<'a> {
    pub fn of(community: &'a Community, creator_name: Option<&'a Username>, role: Option<Role>) -> Self {
        Self {
            id: community.id,
            name: &community.community_name,
            description: community.description.as_ref(),
            creator: PersonBody::of(community.creator, creator_name),
            created_at: community.created_at,
            updated_at: community.updated_at,
            role,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct MembershipBody<'a> {
    pub community_id: CommunityId,
    pub user: PersonBody<'a>,
    pub joined_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub struct CommunityMemberBody<'a> {
    pub user: PersonBody<'a>,
    pub joined_at: Timestamp,
    pub blocked: bool,
}

/// Those who are members now, in the order of their sign-ups.
#[derive(Serialize, ToSchema)]
pub struct MembersBody<'a> {
    pub members: Vec<CommunityMemberBody<'a>>,
    #[schema(value_type = Option<schema::Cursor>)]
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct MemberBlockBody {
    pub user_id: UserId,
    pub blocked: bool,
}

#[derive(Serialize, ToSchema)]
pub struct CommunityMessageBody<'a> {
    id: CommunityMessageId,
    #[schema(value_type = CommunityText)]
    content: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    sender: PersonBody<'a>,
    recipient: PersonBody<'a>,
}

impl<'a> CommunityMessageBody<'a> {
    pub fn of(message: &'a CommunityMessage, users: TwoBodies<'a>) -> Self {
        Self {
            id: message.id,
            content: &message.content,
            created_at: message.id.made_at(),
            updated_at: message.id.made_at(),
            sender: users.find(message.sender),
            recipient: users.find(message.recipient),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct LatestMessageBody<'a> {
    pub id: CommunityMessageId,
    #[schema(value_type = CommunityText)]
    pub content: &'a str,
    pub created_at: Timestamp,
    pub sender: PersonBody<'a>,
}

#[derive(Serialize, ToSchema)]
pub struct CommunityConversationBody<'a> {
    pub id: CommunityMessageId,
    pub updated_at: Timestamp,
    /// The other user.
    pub user: PersonBody<'a>,
    pub latest_message: LatestMessageBody<'a>,
}

/// One page of a list whose pages are numbered.
#[derive(Serialize, ToSchema)]
pub struct NumberedPage<T> {
    total: u64,
    has_more: bool,
    #[schema(inline)]
    data: Vec<T>,
}

impl<T> NumberedPage<T> {
    /// `upto`: how many entries there are up to the end of this page, if there are so many.
    pub fn of(total: u64, upto: u64, data: Vec<T>) -> Self {
        Self { total, has_more: upto < total, data }
    }
}
