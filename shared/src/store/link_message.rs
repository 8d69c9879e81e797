//! Messages of links, spread over the shards of their link.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    Outcome, Page, Store, StoreError, from_item,
    keys::{AFTER_MESSAGES, Key, LINK_SHARDS, link_message_sort, link_shard},
    link::Link,
    text,
    write::{WriteContext, Written},
};
use crate::types::{LinkId, LinkMessageId, LinkText, PageSize, Slug, Timestamp, UserId};

/// How often a write starts anew because its link got or lost its cap meanwhile.
pub(super) const TRIES: usize = 8;

#[derive(Serialize, Deserialize)]
pub struct LinkMessage {
    pub id: LinkMessageId,
    pub content: LinkText,
    /// Where the link of the message is found.
    pub slug: Slug,
    pub created_at: Timestamp,
    /// The user to notify of it: the link's owner, if there is one. Of who wrote it there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// There is a card of it in the bucket.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub card: bool,
}

/// Why a message gets no card.
pub enum CardRefused {
    /// There was one already.
    Before,
    NoMessage,
}

impl Store {
    pub async fn link_message(&self, link: LinkId, id: LinkMessageId) -> Result<Option<LinkMessage>, StoreError> {
        self.get(Key::link_message(link, id)).await
    }

    /// Removes a message; `false` when there is none. On a capped link its place is free again.
    pub async fn delete_link_message(&self, mut link: Link, id: LinkMessageId) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let delete = self.transact_delete(Key::link_message(link.id, id), Some("attribute_exists(pk)"));
            let count = self.uncount_item(&link, id);
            let Outcome::Refused(mut refused) = self.transact(vec![delete, count]).await? else { return Ok(true) };
            let link_refused = refused.pop().unwrap_or_default();
            if refused.pop().is_some_and(|message| message.failed) {
                return Ok(false);
            }
            match link.as_now(link_refused.item)? {
                None => return Ok(false),
                Some(changed) => link = changed,
            }
        }
        Err(StoreError::Busy("a link's cap changed too often during a deletion"))
    }

    /// Notes that a card of the message is in the bucket; only `replace` does so when there was one.
    pub async fn mark_card(
        &self,
        link: LinkId,
        id: LinkMessageId,
        replace: bool,
        answer: &str,
        context: &mut WriteContext,
    ) -> Result<Written<CardRefused>, StoreError> {
        let unmarked = if replace { "" } else { " AND attribute_not_exists(card)" };
        let condition = format!("attribute_exists(pk){unmarked}");
        let true_ = AttributeValue::Bool(true);
        let step =
            self.transact_update(Key::link_message(link, id), "SET card = :true", &condition, [(":true", true_)]);
        let written = self.write(context, answer, vec![step]).await?;
        Ok(written.refused_as(|refused| match refused.iter().any(|message| message.item.is_some()) {
            true => CardRefused::Before,
            false => CardRefused::NoMessage,
        }))
    }

    /// The newest messages older than `before`: a merge of the shards. All shards are read at once. A shard is read
    /// again only if it runs out before the page is full.
    pub async fn link_messages(
        &self,
        link: LinkId,
        before: Option<LinkMessageId>,
        size: PageSize,
    ) -> Result<Page<LinkMessage>, StoreError> {
        // Ids spread evenly, so twice a shard's share and a few almost always fill the page.
        let batch = size.get() * 2 / usize::from(LINK_SHARDS) + 4;
        let mut shards =
            try_join_all((0..LINK_SHARDS).map(|shard| self.shard_page(link, shard, before, batch))).await?;
        let mut messages: Vec<LinkMessage> = Vec::with_capacity(size.get() + 1);
        while messages.len() <= size.get() {
            for (shard, page) in (0..).zip(&mut shards) {
                if let ShardPage { newest_last, more: Some(last) } = page
                    && newest_last.is_empty()
                {
                    *page = self.shard_page(link, shard, Some(*last), batch).await?;
                }
            }
            let newest = shards.iter_mut().max_by_key(|page| page.newest_last.last().map(|message| message.id));
            match newest.and_then(|page| page.newest_last.pop()) {
                Some(message) => messages.push(message),
                None => return Ok(Page { items: messages, has_more: false }),
            }
        }
        messages.pop();
        Ok(Page { items: messages, has_more: true })
    }

    async fn shard_page(
        &self,
        link: LinkId,
        shard: u8,
        before: Option<LinkMessageId>,
        size: usize,
    ) -> Result<ShardPage, StoreError> {
        let before = before.map_or_else(|| AFTER_MESSAGES.to_owned(), link_message_sort);
        let page = self
            .query(link_shard(link, shard), |query| {
                query
                    .key_condition_expression("pk = :pk AND sk < :before")
                    .expression_attribute_values(":before", text(before))
                    .scan_index_forward(false)
                    .limit(size as i32)
            })
            .await?;
        let more = page.last_evaluated_key.is_some();
        let mut newest_last: Vec<LinkMessage> =
            page.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<_, _>>()?;
        let more = newest_last.last().filter(|_| more).map(|oldest| oldest.id);
        newest_last.reverse();
        Ok(ShardPage { newest_last, more })
    }
}

/// A run of messages of one shard.
struct ShardPage {
    newest_last: Vec<LinkMessage>,
    /// The oldest one, when the shard has older ones.
    more: Option<LinkMessageId>,
}
