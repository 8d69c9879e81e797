//! Anonymous inbox.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{True, UserBody, constant};
use crate::types::schema;
use crate::{
    store::{InboxMessage, Page},
    types::{InboxMessageId, InboxText, Timestamp},
};

constant!(MessageSent: String = "Message sent successfully");
constant!(MessageDeleted: String = "Message Deleted Successfully");
constant!(MessageReported: String = "Message reported");
constant!(AcceptanceSet: String = "User's isAcceptingMessages status updated successfully.");
constant!(SenderBlocked: String = "Sender blocked");

#[derive(Deserialize, ToSchema)]
pub struct NewInboxMessage {
    /// A username. No user has a name that breaks the rules of names.
    pub username: String,
    pub content: InboxText,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewAcceptance {
    pub accept_message: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptanceBody {
    pub success: True,
    pub is_accepting_messages: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedSenderBody {
    success: True,
    message: SenderBlocked,
    blocked_until: Timestamp,
}

impl BlockedSenderBody {
    pub fn until(blocked_until: Timestamp) -> Self {
        Self { success: True, message: SenderBlocked, blocked_until }
    }
}

/// A message as its recipient sees it: nothing about its sender.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboxMessageBody {
    #[serde(rename = "_id")]
    id: InboxMessageId,
    content: InboxText,
    created_at: Timestamp,
}

/// Messages, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboxPageBody {
    messages: Vec<InboxMessageBody>,
    #[schema(value_type = Option<schema::Cursor>)]
    next_cursor: Option<String>,
}

impl InboxPageBody {
    pub fn of(page: Page<InboxMessage>, next_cursor: Option<String>) -> Self {
        let body = |InboxMessage { id, content, .. }| InboxMessageBody { id, content, created_at: id.made_at() };
        Self { messages: page.items.into_iter().map(body).collect(), next_cursor }
    }
}

/// Messages, newest first.
#[derive(Serialize, ToSchema)]
pub struct InboxBody {
    pub success: True,
    #[serde(flatten)]
    pub page: InboxPageBody,
}

/// A user with the first page of the inbox.
#[derive(Serialize, ToSchema)]
pub struct UserWithMessagesBody<'a> {
    #[serde(flatten)]
    pub user: UserBody<'a>,
    #[serde(flatten)]
    pub page: InboxPageBody,
}
