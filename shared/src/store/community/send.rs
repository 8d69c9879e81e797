//! Sending a message of a community. One transaction checks the member, updates the thread item and stores the
//! message. It touches no item that all messages of the community share.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    super::{
        Collisions, Store, StoreError, from_item,
        keys::Key,
        text, to_item,
        write::{TRIES, WriteContext, Written},
    },
    CommunityMessage, Member, Thread,
};
use crate::{
    tokens::random,
    types::{CommunityId, CommunityMessageId, CommunityText, ConversationTag, UserId},
};

/// A message that has no number in its conversation yet. One of sender and recipient is the member, the other one the
/// creator.
pub struct CommunityDraft<'a> {
    pub community: CommunityId,
    pub tag: ConversationTag,
    pub member: &'a Member,
    pub sender: UserId,
    pub recipient: UserId,
    pub content: &'a CommunityText,
}

/// The member has left, or was blocked.
pub struct Unreachable;

impl CommunityDraft<'_> {
    /// The message, behind what the conversation has come to.
    fn follow(&self, before: Option<&Thread>, context: &WriteContext) -> CommunityMessage {
        CommunityMessage {
            id: CommunityMessageId::after(before.map(|thread| thread.last_id), context.now, random(), self.tag),
            community: self.community,
            sender: self.sender,
            recipient: self.recipient,
            content: self.content.as_str().to_owned(),
            number: before.map_or(0, |thread| thread.message_count) + 1,
        }
    }
}

impl Store {
    /// Stores a message. `before` is the conversation as last read, and `answer` makes the reply's body. If another
    /// message gets in between, this tries again with the next number.
    pub async fn send_community_message(
        &self,
        draft: &CommunityDraft<'_>,
        mut before: Option<Thread>,
        answer: impl Fn(&CommunityMessage) -> String,
        context: &mut WriteContext,
    ) -> Result<Written<Unreachable>, StoreError> {
        let CommunityDraft { community, tag, member, .. } = *draft;
        let mut collisions = Collisions::default();
        for _ in 0..TRIES {
            let message = draft.follow(before.as_ref(), context);
            let key = Key::community_message(community, tag, message.number);
            let mut steps = vec![
                // Only joining, leaving and blocking write to this item.
                self.check_step_if(
                    Key::member(community, member.user_id),
                    "active = :true AND attribute_not_exists(blocked) AND joined_at = :joined",
                    [(":true", AttributeValue::Bool(true)), (":joined", text(member.joined_at))],
                ),
                self.community_head_item(before.as_ref(), member.user_id, &message),
                self.transact_put(to_item(key, &message)?, Some("attribute_not_exists(pk)"), []),
            ];
            if before.is_none() {
                steps.push(self.count_conversation_item(community, member.user_id, true));
            }
            let refused = match self.write(context, &answer(&message), steps).await? {
                Written::Refused(refused) => refused,
                written => return Ok(written.refused_as(|_| Unreachable)),
            };
            let [of_member, of_head, ..] = &refused[..] else { return Err(unclear()) };
            if of_member.failed {
                return Ok(Written::Refused(Unreachable));
            }
            // Another message got in between, or the last one was taken back.
            before = match &of_head.item {
                Some(thread) => Some(from_item(thread.clone())?),
                None if of_head.failed => None,
                // The thread item is still as it was before, although the message exists.
                None => self.community_thread(community, tag).await?,
            };
            if !collisions.pause().await {
                break;
            }
        }
        Err(StoreError::Busy("a conversation of a community moved on too often during a send"))
    }
}

fn unclear() -> StoreError {
    StoreError::Unexpected("a send was refused without a reason")
}
