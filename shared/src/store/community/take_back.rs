//! Taking back the last message of a conversation, by its sender. Afterwards the conversation is as it was before the
//! message. If it was the only message, the conversation is gone.

use std::cmp::Ordering;

use super::{
    super::{
        Collisions, Outcome, Store, StoreError, TransactItem,
        keys::{Key, activity},
        number, text,
        write::TRIES,
    },
    CommunityMessage, Thread,
};
use crate::types::{CommunityMessageId, UserId};

pub enum TakenBack {
    Done,
    NotFound,
    NotTheLast,
    NotTheSender,
}

impl Store {
    /// Takes back the message `id`, which `user` sent. `thread` is its conversation as last read. A user who has left
    /// or is blocked may do this, too.
    pub async fn take_message_back(
        &self,
        id: CommunityMessageId,
        user: UserId,
        mut thread: Thread,
    ) -> Result<TakenBack, StoreError> {
        let mut collisions = Collisions::default();
        for _ in 0..TRIES {
            if thread.last_id != id {
                let message = self.find_community_message(&thread, id).await?;
                return Ok(match message {
                    None => TakenBack::NotFound,
                    Some(message) if message.sender != user => TakenBack::NotTheSender,
                    Some(_) => TakenBack::NotTheLast,
                });
            }
            if thread.last_sender != user {
                return Ok(TakenBack::NotTheSender);
            }
            let (community, tag, count) = (thread.community, thread.tag(), thread.message_count);
            let before = match count {
                1 => None,
                _ => self.community_message(community, tag, count - 1).await?,
            };
            // If the message before it is missing, the thread item has changed since it was read.
            if before.is_some() || count == 1 {
                let mut steps = vec![
                    self.move_back_item(&thread, before.as_ref()),
                    self.delete_step_if(
                        Key::community_message(community, tag, count),
                        Some("id = :id"),
                        [(":id", text(id))],
                    ),
                ];
                if count == 1 && thread.is_listed() {
                    steps.push(self.count_conversation_item(community, thread.member_id, false));
                }
                if let Outcome::Done = self.transact(steps).await? {
                    return Ok(TakenBack::Done);
                }
            }
            if !collisions.pause().await {
                break;
            }
            thread = match self.community_thread(community, tag).await? {
                Some(thread) => thread,
                None => return Ok(TakenBack::NotFound),
            };
        }
        Err(StoreError::Busy("a conversation of a community moved on too often while a message was taken back"))
    }

    /// The write that makes `before` the last message again, or ends the conversation.
    fn move_back_item(&self, thread: &Thread, before: Option<&CommunityMessage>) -> TransactItem {
        let key = Key::community_thread(thread.community, thread.tag());
        let is_listed = if thread.is_listed() { "attribute_exists(gsi1pk)" } else { "attribute_not_exists(gsi1pk)" };
        let condition = format!("last_id = :last AND {is_listed}");
        let last = (":last", text(thread.last_id));
        let Some(before) = before else {
            return self.delete_step_if(key, Some(&condition), [last]);
        };
        let mut expression = "SET last_id = :id, last_sender = :sender, message_count = :count".to_owned();
        let mut values =
            vec![last, (":id", text(before.id)), (":sender", text(before.sender)), (":count", number(before.number))];
        if thread.is_listed() {
            expression += ", gsi1sk = :activity";
            values.push((":activity", text(activity(before.id))));
        }
        self.transact_update(key, &expression, &condition, values)
    }

    /// A message by its id. Ids sort like numbers, so a binary search finds it.
    async fn find_community_message(
        &self,
        thread: &Thread,
        id: CommunityMessageId,
    ) -> Result<Option<CommunityMessage>, StoreError> {
        let (mut first, mut last) = (1, thread.message_count);
        while id < thread.last_id && first <= last {
            let middle = first + (last - first) / 2;
            let Some(message) = self.community_message(thread.community, thread.tag(), middle).await? else { break };
            match message.id.cmp(&id) {
                Ordering::Equal => return Ok(Some(message)),
                Ordering::Less => first = middle + 1,
                Ordering::Greater => last = middle - 1,
            }
        }
        Ok(None)
    }
}
