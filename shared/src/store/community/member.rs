//! Members of a community. One item says whether a user is a member now, and whether the creator has blocked the user.
//! It stays when the user leaves: a block outlives that, and the conversation stays readable. A second item, among the
//! user's own, is there as long as the user is a member: the erasure of an account finds its communities by it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Store, StoreError, TransactItem, from_item,
        keys::{Key, MEMBERS, MEMBERSHIPS, community_partition, member_sort, user_partition},
        text, to_item,
        write::{WriteContext, Written},
    },
    Community,
};
use crate::types::{CommunityId, PageSize, Timestamp, UserId};

#[derive(Clone, Deserialize)]
pub struct Member {
    pub user_id: UserId,
    /// When the user last joined.
    pub joined_at: Timestamp,
    /// False once the user has left.
    pub active: bool,
    /// The creator has blocked the user.
    #[serde(default)]
    pub blocked: bool,
}

impl Member {
    pub fn may_write(&self) -> bool {
        self.active && !self.blocked
    }
}

/// A user's own item that says: the user is a member of a community, or its creator.
#[derive(Serialize, Deserialize)]
pub struct Membership {
    pub community: CommunityId,
    pub is_creator: bool,
}

/// Why a user does not become a member.
pub enum JoinRefused {
    /// The creator has blocked the user.
    Blocked,
    /// The community was closed meanwhile.
    Gone,
}

/// The most queries that one page of members takes. If many have left, these queries may find too few members. Then
/// the page is short, and the cursor goes on behind them.
const LOOKS: usize = 10;

impl Store {
    pub async fn member(&self, community: CommunityId, user: UserId) -> Result<Option<Member>, StoreError> {
        self.get(Key::member(community, user)).await
    }

    /// Makes the user a member. A member keeps the time of joining. `before` is the member as last read, and `answer`
    /// makes the reply's body.
    pub async fn join(
        &self,
        community: CommunityId,
        user: UserId,
        before: Option<&Member>,
        answer: impl Fn(&Member) -> String,
        context: &mut WriteContext,
    ) -> Result<Written<JoinRefused>, StoreError> {
        if let Some(member) = before.filter(|member| member.active || member.blocked) {
            return self.stay(member, answer, context).await;
        }
        let body = answer(&Member { user_id: user, joined_at: context.now, active: true, blocked: false });
        let steps = vec![
            self.transact_update(
                Key::member(community, user),
                "SET user_id = :user, joined_at = :now, active = :true",
                "attribute_not_exists(blocked) AND (attribute_not_exists(pk) OR active = :false)",
                [
                    (":user", text(user)),
                    (":now", text(context.now)),
                    (":true", AttributeValue::Bool(true)),
                    (":false", AttributeValue::Bool(false)),
                ],
            ),
            self.membership_item(user, community, false)?,
        ];
        let body = match self.write(context, &body, steps).await? {
            Written::Done(body) => body,
            Written::Refused(refused) => {
                let found = refused.into_iter().next().and_then(|step| step.item);
                let found = found.ok_or_else(|| StoreError::Unexpected("joining was refused by nobody"))?;
                return self.stay(&from_item(found)?, answer, context).await;
            }
            written => return Ok(written.refused_as(|_| JoinRefused::Gone)),
        };
        // Read here and not in the transaction, where all who join at once would meet on the community's item. Whoever closes one looks
        // for members once more when that item is gone: of a joining and a closing that overtake each other, one sees the other.
        let mut steps = self.undo(context);
        match self.get::<Community>(Key::community(community)).await? {
            Some(community) if !community.closing => return Ok(Written::Done(body)),
            Some(_) => {}
            None => {
                let keys = [Key::member(community, user), Key::membership(user, community)];
                steps.extend(keys.map(|key| self.transact_delete(key, None)));
            }
        }
        if !steps.is_empty() {
            self.transact(steps).await?;
        }
        Ok(Written::Refused(JoinRefused::Gone))
    }

    /// For a user who is a member already, or is blocked.
    async fn stay(
        &self,
        member: &Member,
        answer: impl Fn(&Member) -> String,
        context: &mut WriteContext,
    ) -> Result<Written<JoinRefused>, StoreError> {
        if member.blocked {
            return Ok(Written::Refused(JoinRefused::Blocked));
        }
        Ok(self.keep_answer(context, answer(member)).await?.refused_as(|never| match never {}))
    }

    /// Ends the membership. Nothing happens if there is none.
    pub async fn leave_community(&self, community: CommunityId, user: UserId) -> Result<(), StoreError> {
        let steps = vec![
            self.transact_update(
                Key::member(community, user),
                "SET active = :false",
                "active = :true",
                [(":true", AttributeValue::Bool(true)), (":false", AttributeValue::Bool(false))],
            ),
            self.transact_delete(Key::membership(user, community), None),
        ];
        self.transact(steps).await.map(drop)
    }

    /// Active members behind `after`, in the order of their sign-ups. Also the user behind whom the next page begins,
    /// if there is one.
    pub async fn members(
        &self,
        community: CommunityId,
        mut after: Option<UserId>,
        size: PageSize,
    ) -> Result<(Vec<Member>, Option<UserId>), StoreError> {
        let mut members: Vec<Member> = Vec::new();
        for _ in 0..LOOKS {
            let partition = community_partition(community);
            let page = self.page_after::<Member>(partition, MEMBERS, after.map(member_sort), size).await?;
            after = page.next(|last| last.user_id);
            members.extend(page.items.into_iter().filter(|member| member.active));
            if members.len() > size.get() {
                members.truncate(size.get());
                after = members.last().map(|last| last.user_id);
            }
            if after.is_none() || members.len() == size.get() {
                break;
            }
        }
        Ok((members, after))
    }

    /// Some of the communities of a user, in any order.
    pub(crate) async fn some_memberships(&self, user: UserId, count: i32) -> Result<Vec<Membership>, StoreError> {
        let page = self.query(user_partition(user), |query| {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :memberships)")
                .expression_attribute_values(":memberships", text(MEMBERSHIPS))
                .limit(count)
        });
        page.await?.items.unwrap_or_default().into_iter().map(from_item).collect()
    }

    pub(crate) async fn forget_membership(&self, user: UserId, community: CommunityId) -> Result<(), StoreError> {
        self.delete(Key::membership(user, community), |delete| delete).await
    }

    pub(super) fn membership_item(
        &self,
        user: UserId,
        community: CommunityId,
        is_creator: bool,
    ) -> Result<TransactItem, StoreError> {
        let membership = Membership { community, is_creator };
        Ok(self.transact_put(to_item(Key::membership(user, community), &membership)?, None, []))
    }
}
