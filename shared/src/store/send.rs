//! Sending to a link: exact under a cap, and without a shared item where there is none.

use super::{
    Outcome, Store, StoreError,
    keys::Key,
    link::Link,
    link_message::{LinkMessage, TRIES},
    to_item,
    write::{WriteContext, Written},
};
use crate::types::Timestamp;

/// Why a message to a link is not stored.
pub enum SendRefused {
    Full,
    /// The link was deleted meanwhile.
    Gone,
}

impl Store {
    /// Stores a message. Under a cap the count goes up in the same transaction, so the cap is exact. Without a cap nothing is written
    /// that other senders write too. Instead the link is read again afterwards, and a message that a new cap or a deletion could have
    /// missed is taken back.
    pub async fn send_link_message(
        &self,
        mut link: Link,
        message: &LinkMessage,
        answer: &str,
        context: &mut WriteContext,
    ) -> Result<Written<SendRefused>, StoreError> {
        for _ in 0..TRIES {
            link = match self.with_count(link, context.now).await? {
                Some(link) => link,
                None => return Ok(Written::Refused(SendRefused::Gone)),
            };
            if link.is_full() {
                return self.full(context).await;
            }
            let found = match self.store_message(&link, message, answer, context).await? {
                Written::Done(body) if link.max_messages.is_some() => return Ok(Written::Done(body)),
                Written::Done(body) => match self.keep_or_take_back(&link, message, context).await? {
                    Kept::Stored => return Ok(Written::Done(body)),
                    Kept::TakenBack(found) => found,
                },
                Written::Refused(found) => found,
                written => return Ok(written.refused_as(|_| SendRefused::Gone)),
            };
            match found {
                Some(found) => link = *found,
                None => return Ok(Written::Refused(SendRefused::Gone)),
            }
        }
        Err(StoreError::Busy("a link's cap changed too often during a send"))
    }

    /// The link with its count, which a cap that was set later lacks until somebody asks for it. `None` when the link was deleted
    /// meanwhile.
    pub async fn with_count(&self, link: Link, now: Timestamp) -> Result<Option<Link>, StoreError> {
        if link.max_messages.is_none() || link.message_count.is_some() {
            return Ok(Some(link));
        }
        self.settle_count(&link, now).await?;
        self.link_now(&link).await
    }

    /// Writes the message, with the count of a link that has a cap. Refused with the link as it then is.
    async fn store_message(
        &self,
        link: &Link,
        message: &LinkMessage,
        answer: &str,
        context: &mut WriteContext,
    ) -> Result<Written<Option<Box<Link>>>, StoreError> {
        let item = to_item(Key::link_message(link.id, message.id), message)?;
        // By itself it costs half of what it costs in a transaction.
        if link.max_messages.is_none() && context.is_empty() {
            return self.put(item).await.map(|()| Written::Done(answer.to_owned()));
        }
        let mut items = vec![self.transact_put(item, None, [])];
        if link.max_messages.is_some() {
            items.push(self.count_item(link));
        }
        match self.write(context, answer, items).await? {
            Written::Refused(mut refused) => {
                let item = refused.pop().and_then(|refused| refused.item);
                Ok(Written::Refused(link.as_now(item)?.map(Box::new)))
            }
            written => Ok(written.refused_as(|_| None)),
        }
    }

    /// Looks whether a link that had no cap still has none.
    async fn keep_or_take_back(
        &self,
        link: &Link,
        message: &LinkMessage,
        context: &WriteContext,
    ) -> Result<Kept, StoreError> {
        let found = match self.link_now(link).await {
            Ok(found) => found,
            // The message is stored, and a sender who is told of a failure would send it again.
            Err(error) => {
                self.record_degradation(&error);
                return Ok(Kept::Stored);
            }
        };
        if found.as_ref().is_some_and(|found| found.max_messages.is_none()) {
            return Ok(Kept::Stored);
        }
        self.take_back(link, message, context, found.is_some()).await?;
        Ok(Kept::TakenBack(found.map(Box::new)))
    }

    /// A full link may be full of the very message that this request repeats.
    async fn full(&self, context: &WriteContext) -> Result<Written<SendRefused>, StoreError> {
        let replay = match &context.record {
            Some(record) => self.replay(record).await?,
            None => None,
        };
        Ok(replay.map_or(Written::Refused(SendRefused::Full), Written::Replayed))
    }

    /// Undoes a send with all that its transaction did. A count that may or may not have seen the message is void.
    async fn take_back(
        &self,
        link: &Link,
        message: &LinkMessage,
        context: &WriteContext,
        is_there: bool,
    ) -> Result<(), StoreError> {
        let mut items = vec![self.transact_delete(Key::link_message(link.id, message.id), None)];
        items.extend(self.undo(context));
        if is_there {
            let void = self.void_count_item(link);
            if let Outcome::Done = self.transact(items.iter().cloned().chain([void]).collect()).await? {
                return Ok(());
            }
            // The link has gone since: the message and the kept answer must go all the same.
        }
        self.transact(items).await.map(drop)
    }

    async fn link_now(&self, link: &Link) -> Result<Option<Link>, StoreError> {
        Ok(self.link(&link.slug).await?.filter(|found| found.id == link.id))
    }
}

/// What became of a message that was stored without a cap.
enum Kept {
    Stored,
    /// The link as it is now, if it is.
    TakenBack(Option<Box<Link>>),
}
