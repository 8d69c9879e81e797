//! The list of a community's conversations. The index gives the entries and their order. Their contents are read from
//! the items, as the index may lag.

use aws_sdk_dynamodb::types::Select;

use super::{
    super::{
        Store, StoreError, from_item,
        keys::{Key, community_conversations},
    },
    CommunityMessage, Thread,
};
use crate::types::{CommunityId, PageSize, UserId, Username};

/// An entry in a list of conversations.
pub struct CommunityPreview {
    pub thread: Thread,
    pub last: CommunityMessage,
}

impl Store {
    /// A page of the conversations of a community, newest activity first: `total` conversations, without the first `offset`. The list is
    /// eventually consistent. DynamoDB reads the skipped ones, from the nearer end, but does not return them.
    pub async fn community_conversations(
        &self,
        community: CommunityId,
        offset: u64,
        total: u64,
        size: PageSize,
    ) -> Result<Vec<Thread>, StoreError> {
        let behind = total.saturating_sub(offset);
        let wanted = behind.min(size.get() as u64);
        let is_from_oldest = offset > total / 2;
        let skip = if is_from_oldest { behind - wanted } else { offset };
        let (mut skipped, mut start, mut threads) = (0, None, Vec::new());
        while (threads.len() as u64) < wanted {
            let before = (skip - skipped).min(i32::MAX as u64) as i32;
            let page = self.query(community_conversations(community), |query| {
                let query = query
                    .index_name("gsi1")
                    .consistent_read(false)
                    .key_condition_expression("gsi1pk = :pk")
                    .scan_index_forward(is_from_oldest)
                    .set_exclusive_start_key(start.take());
                match before {
                    0 => query.limit((wanted - threads.len() as u64) as i32),
                    _ => query.select(Select::Count).limit(before),
                }
            });
            let page = page.await?;
            if before > 0 {
                skipped += u64::try_from(page.count).unwrap_or_default();
            }
            for item in page.items.unwrap_or_default() {
                threads.push(from_item(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        if is_from_oldest {
            threads.reverse();
        }
        Ok(threads)
    }

    /// The entries of a list for these conversations, as they are now, newest activity first. Conversations that have ended or left the
    /// list since are missing. Also the names of those users who have an account.
    pub async fn community_previews(
        &self,
        threads: Vec<Thread>,
        creator: UserId,
    ) -> Result<(Vec<CommunityPreview>, Vec<(UserId, Username)>), StoreError> {
        if threads.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let key = |thread: &Thread| Key::community_thread(thread.community, thread.tag());
        let (found, mut lasts, names) = futures_util::try_join!(
            self.get_all::<Thread>(threads.iter().map(key).collect(), None),
            self.last_messages(threads.iter()),
            self.usernames(threads.iter().map(|thread| thread.member_id).chain([creator])),
        )?;
        let mut found: Vec<Thread> = found.into_iter().filter(Thread::is_listed).collect();
        let is_new = |thread: &&Thread| lasts.iter().all(|last| last.id != thread.last_id);
        // Conversations that changed after the index was read.
        let late = self.last_messages(found.iter().filter(is_new)).await?;
        lasts.extend(late);
        found.sort_unstable_by_key(|thread| std::cmp::Reverse(thread.last_id));
        let preview = |thread: Thread| {
            let last = lasts.iter().find(|last| last.id == thread.last_id)?.clone();
            Some(CommunityPreview { thread, last })
        };
        Ok((found.into_iter().filter_map(preview).collect(), names))
    }

    async fn last_messages(&self, threads: impl Iterator<Item = &Thread>) -> Result<Vec<CommunityMessage>, StoreError> {
        let key = |thread: &Thread| Key::community_message(thread.community, thread.tag(), thread.message_count);
        self.get_all(threads.map(key).collect(), None).await
    }
}
