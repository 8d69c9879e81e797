//! Conversations of a community: each is of one member with the creator. Its thread item has the number of messages, and every send
//! updates it. Messages are numbered without a gap, as only the last one can be deleted. So any page by number is one query.

use serde::{Deserialize, Serialize};

use super::super::{
    Store, StoreError, TransactItem, from_item,
    keys::{
        COUNTS, Key, activity, community_conversations, community_message_sort, community_messages, community_partition,
    },
    number, text,
};
use crate::types::{CommunityId, CommunityMessageId, ConversationTag, PageSize, Timestamp, UserId};

/// How far a conversation has come.
#[derive(Clone, Deserialize)]
pub struct Thread {
    /// Of the message that began it.
    pub id: CommunityMessageId,
    pub community: CommunityId,
    pub member_id: UserId,
    pub message_count: u64,
    pub last_id: CommunityMessageId,
    pub last_sender: UserId,
    /// Present while the conversation is listed and counted: not while the member is blocked.
    gsi1pk: Option<String>,
}

impl Thread {
    pub fn is_listed(&self) -> bool {
        self.gsi1pk.is_some()
    }

    pub fn updated_at(&self) -> Timestamp {
        self.last_id.made_at()
    }

    pub(super) fn tag(&self) -> ConversationTag {
        self.id.tag()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct CommunityMessage {
    /// It also holds the time and the conversation's tag.
    pub id: CommunityMessageId,
    pub community: CommunityId,
    pub sender: UserId,
    pub recipient: UserId,
    /// A [`crate::types::CommunityText`].
    pub content: String,
    /// Its place in its conversation, from 1.
    pub number: u64,
}

impl Store {
    pub async fn community_thread(
        &self,
        community: CommunityId,
        tag: ConversationTag,
    ) -> Result<Option<Thread>, StoreError> {
        self.get(Key::community_thread(community, tag)).await
    }

    pub(super) async fn community_message(
        &self,
        community: CommunityId,
        tag: ConversationTag,
        number: u64,
    ) -> Result<Option<CommunityMessage>, StoreError> {
        self.get(Key::community_message(community, tag, number)).await
    }

    /// The messages of a conversation without the first `offset`, oldest first. Behind the end nothing is read.
    pub async fn community_messages(
        &self,
        thread: &Thread,
        offset: u64,
        size: PageSize,
    ) -> Result<Vec<CommunityMessage>, StoreError> {
        let mut messages = Vec::new();
        let last = thread.message_count.min(offset.saturating_add(size.get() as u64));
        if offset >= last {
            return Ok(messages);
        }
        let mut start = None;
        loop {
            let page = self.query(community_messages(thread.community, thread.tag()), |query| {
                query
                    .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                    .expression_attribute_values(":first", text(community_message_sort(offset + 1)))
                    .expression_attribute_values(":last", text(community_message_sort(last)))
                    .set_exclusive_start_key(start.take())
            });
            let page = page.await?;
            for item in page.items.unwrap_or_default() {
                messages.push(from_item(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(messages);
            }
        }
    }

    /// How many conversations are listed.
    pub async fn community_conversation_count(&self, community: CommunityId) -> Result<u64, StoreError> {
        #[derive(Deserialize)]
        struct Count {
            conversations: u64,
        }
        let counts = self.query(community_partition(community), |query| {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :counts)")
                .expression_attribute_values(":counts", text(COUNTS))
        });
        let counts = counts.await?.items.unwrap_or_default().into_iter().map(from_item::<Count>);
        counts.map(|count| count.map(|count| count.conversations)).sum()
    }

    /// The write that makes `message` the last one of a conversation. Its condition is that `before` is still the last
    /// one, or that there is no conversation yet.
    pub(super) fn community_head_item(
        &self,
        before: Option<&Thread>,
        member: UserId,
        message: &CommunityMessage,
    ) -> TransactItem {
        let condition = match before {
            Some(_) => "last_id = :last AND member_id = :member AND attribute_exists(gsi1pk)",
            None => "attribute_not_exists(pk)",
        };
        let values = [
            (":id", text(message.id)),
            (":community", text(message.community)),
            (":member", text(member)),
            (":count", number(message.number)),
            (":sender", text(message.sender)),
            (":index", text(community_conversations(message.community))),
            (":activity", text(activity(message.id))),
        ];
        self.transact_update(
            Key::community_thread(message.community, message.id.tag()),
            "SET id = if_not_exists(id, :id), community = :community, member_id = :member, message_count = :count, \
             last_id = :id, last_sender = :sender, gsi1pk = :index, gsi1sk = :activity",
            condition,
            values.into_iter().chain(before.map(|before| (":last", text(before.last_id)))),
        )
    }

    /// The write that counts a conversation that is listed from now on, or (`is_listed` is false) no longer.
    pub(super) fn count_conversation_item(
        &self,
        community: CommunityId,
        member: UserId,
        is_listed: bool,
    ) -> TransactItem {
        let key = Key::conversation_count(community, member);
        let one = if is_listed { 1 } else { -1 };
        let (condition, least) = if is_listed {
            ("attribute_not_exists(pk) OR conversations >= :least", 0)
        } else {
            ("conversations >= :least", 1)
        };
        self.transact_update(
            key,
            "ADD conversations :one",
            condition,
            [(":one", number(one)), (":least", number(least))],
        )
    }
}
