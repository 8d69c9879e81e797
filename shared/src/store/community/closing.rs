//! The end of a community: closed first, so that it is gone for everyone, then emptied member by member in steps that
//! can be repeated. A send, a block or a taking back that is under way meanwhile leaves nothing: each has a condition
//! on the member's item or on the thread item.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;

use super::{
    super::{
        Store, StoreError, from_item,
        keys::{Key, MEMBERS, community_messages, community_partition},
        text,
    },
    Member,
};
use crate::types::{CommunityId, ConversationTag, UserId};

/// How many members one step removes, and how many messages of each.
const STEP: i32 = 10;
const MESSAGES: i32 = 100;

impl Store {
    /// Removes some of a closed community; `false` when there is nothing left. `tag_of` names a member's conversation.
    pub async fn empty_community(
        &self,
        community: CommunityId,
        tag_of: impl Fn(UserId) -> ConversationTag,
    ) -> Result<bool, StoreError> {
        let mut members = self.some_members(community).await?;
        if members.is_empty() {
            let counts = Key::conversation_counts(community);
            try_join_all(counts.map(|count| self.delete(count, |delete| delete))).await?;
            self.delete(Key::community(community), |delete| delete).await?;
            // Users who joined before this read did not see that the community was gone.
            members = self.some_members(community).await?;
        }
        let removals =
            members.iter().map(|member| self.remove_member(community, member.user_id, tag_of(member.user_id)));
        try_join_all(removals).await?;
        Ok(!members.is_empty())
    }

    async fn some_members(&self, community: CommunityId) -> Result<Vec<Member>, StoreError> {
        let page = self.query(community_partition(community), |query| {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :members)")
                .expression_attribute_values(":members", text(MEMBERS))
                .limit(STEP)
        });
        page.await?.items.unwrap_or_default().into_iter().map(from_item).collect()
    }

    /// Removes a member and the member's messages. A long conversation takes several steps.
    async fn remove_member(
        &self,
        community: CommunityId,
        user: UserId,
        tag: ConversationTag,
    ) -> Result<(), StoreError> {
        // From here on no send succeeds any more.
        let stopped = self.update(Key::member(community, user), |update| {
            update
                .update_expression("SET active = :false")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":false", AttributeValue::Bool(false))
        });
        let _ = stopped.await?;
        if self.remove_some(vec![community_messages(community, tag)], MESSAGES).await? {
            return Ok(());
        }
        self.forget_membership(user, community).await?;
        self.delete(Key::member(community, user), |delete| delete).await
    }
}
