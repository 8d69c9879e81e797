//! Members whom the creator of a community has blocked. A block is a flag in the member's item. Every send checks it
//! in its own transaction. The transaction that sets the flag also takes the conversation out of the list and of the
//! count.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    super::{
        Collisions, Outcome, Store, StoreError, TransactItem,
        keys::{Key, community_conversations},
        text,
        write::TRIES,
    },
    Member, Thread,
};
use crate::types::{CommunityId, ConversationTag};

impl Store {
    /// Blocks a member, or takes the block back. It holds once this returns. `thread` is the member's conversation as
    /// last read. `false` when the member no longer exists.
    pub async fn set_member_block(
        &self,
        community: CommunityId,
        tag: ConversationTag,
        mut member: Member,
        mut thread: Option<Thread>,
        blocked: bool,
    ) -> Result<bool, StoreError> {
        let user = member.user_id;
        let mut collisions = Collisions::default();
        for _ in 0..TRIES {
            if member.blocked == blocked {
                return Ok(true);
            }
            let (expression, condition, values) = if blocked {
                let values = vec![(":true", AttributeValue::Bool(true))];
                ("SET blocked = :true", "attribute_exists(pk) AND attribute_not_exists(blocked)", values)
            } else {
                ("REMOVE blocked", "attribute_exists(blocked)", Vec::new())
            };
            let mut steps = vec![
                self.transact_update(Key::member(community, user), expression, condition, values),
                self.list_item(community, tag, thread.is_some(), !blocked),
            ];
            if thread.is_some() {
                steps.push(self.count_conversation_item(community, user, !blocked));
            }
            if let Outcome::Done = self.transact(steps).await? {
                return Ok(true);
            }
            if !collisions.pause().await {
                break;
            }
            // A conversation has begun or ended meanwhile, or another request has done the same.
            let (found, now) =
                futures_util::try_join!(self.member(community, user), self.community_thread(community, tag))?;
            let Some(found) = found else { return Ok(false) };
            (member, thread) = (found, now);
        }
        Err(StoreError::Busy("a conversation of a community changed too often during a block"))
    }

    /// The write that lists the conversation again, or takes it off the list. If there is no conversation, the write
    /// checks that there is still none.
    fn list_item(
        &self,
        community: CommunityId,
        tag: ConversationTag,
        has_begun: bool,
        is_listed: bool,
    ) -> TransactItem {
        let key = Key::community_thread(community, tag);
        if !has_begun {
            return self.transact_check(key, "attribute_not_exists(pk)");
        }
        if !is_listed {
            return self.transact_update(key, "REMOVE gsi1pk, gsi1sk", "attribute_exists(gsi1pk)", []);
        }
        // The last message may be taken back meanwhile. The item as it is then counts.
        self.transact_update(
            key,
            "SET gsi1pk = :index, gsi1sk = last_id",
            "attribute_exists(pk) AND attribute_not_exists(gsi1pk)",
            [(":index", text(community_conversations(community)))],
        )
    }
}
