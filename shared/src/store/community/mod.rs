//! Communities, and the changes that their creators make. Its members are in member.rs, its conversations in
//! conversation.rs. A send reads this item and never writes or locks it, so a community has no item that all of its
//! messages share.

mod block;
mod closing;
mod conversation;
mod listing;
mod member;
mod send;
mod take_back;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::{Deserialize, Serialize};

pub use conversation::{CommunityMessage, Thread};
pub use listing::CommunityPreview;
pub use member::{JoinRefused, Member, Membership};
pub use send::{CommunityDraft, Unreachable};
pub use take_back::TakenBack;

use super::{
    Store, StoreError, from_item,
    keys::Key,
    text, to_item,
    write::{WriteContext, Written},
};
use crate::types::{CommunityId, CommunityName, Description, Patch, Timestamp, UserId};

#[derive(Serialize, Deserialize)]
pub struct Community {
    pub id: CommunityId,
    pub community_name: CommunityName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    pub creator: UserId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Its creator's account is being erased, and the community is being emptied. For everyone it is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closing: bool,
}

/// The changes that a creator makes. A field that is `None` or `Keep` stays as it is.
pub struct CommunityChanges {
    pub name: Option<CommunityName>,
    pub description: Patch<Description>,
}

impl Store {
    /// A community that has not been closed.
    pub async fn community(&self, id: CommunityId) -> Result<Option<Community>, StoreError> {
        let found: Option<Community> = self.get(Key::community(id)).await?;
        Ok(found.filter(|community| !community.closing))
    }

    pub async fn create_community(
        &self,
        community: &Community,
        answer: &str,
        context: &mut WriteContext,
    ) -> Result<Written, StoreError> {
        let steps = vec![
            self.transact_put(to_item(Key::community(community.id), community)?, Some("attribute_not_exists(pk)"), []),
            self.membership_item(community.creator, community.id, true)?,
        ];
        self.write(context, answer, steps).await?.never_refused()
    }

    /// The community after the change; `None` when it was closed meanwhile.
    pub async fn update_community(
        &self,
        id: CommunityId,
        changes: &CommunityChanges,
        now: Timestamp,
    ) -> Result<Option<Community>, StoreError> {
        let mut expression = "SET updated_at = :now".to_owned();
        let mut values = vec![(":now", text(now))];
        if let Some(name) = &changes.name {
            expression += ", community_name = :name";
            values.push((":name", text(name.as_str())));
        }
        match &changes.description {
            Patch::Set(description) => {
                expression += ", description = :description";
                values.push((":description", text(description.as_str())));
            }
            Patch::Clear => expression += " REMOVE description",
            Patch::Keep => {}
        }
        let updated = self.update(Key::community(id), |update| {
            let update = update
                .update_expression(expression)
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(closing)")
                .return_values(ReturnValue::AllNew);
            values.into_iter().fold(update, |update, (name, value)| update.expression_attribute_values(name, value))
        });
        updated.await?.done().map(from_item).transpose()
    }

    /// Closes a community. Once this returns, it is gone for everyone. Nothing happens if it is closed or gone
    /// already.
    pub async fn close_community(&self, id: CommunityId) -> Result<(), StoreError> {
        let closed = self.update(Key::community(id), |update| {
            update
                .update_expression("SET closing = :true")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":true", AttributeValue::Bool(true))
        });
        closed.await.map(drop)
    }
}
