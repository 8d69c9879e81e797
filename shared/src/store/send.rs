//! Sending to a link: exact under a cap, and without a shared item where there is none.

use super::{
    Outcome, Store, StoreError, TransactItem,
    keys::Key,
    limits::Hit,
    link::Link,
    link_message::{LinkMessage, TRIES},
    to_item,
    write::{Guards, Stopped, Written},
};

pub enum Sent {
    Stored,
    Full,
    /// The link was deleted meanwhile.
    Gone,
    Stopped(Stopped),
}

impl Store {
    /// Stores a message. Under a cap the count goes up in the same transaction, so the cap is exact. Without one nothing is
    /// written that other senders write too; instead the link is read again afterwards, and a message that a new cap or a
    /// deletion could have missed is taken back.
    pub async fn send_link_message(
        &self,
        mut link: Link,
        message: &LinkMessage,
        guards: &mut Guards<'_>,
    ) -> Result<Sent, StoreError> {
        for _ in 0..TRIES {
            if link.max_messages.is_some() && link.message_count.is_none() {
                self.settle_count(&link, guards.now).await?;
                match self.link_now(&link).await? {
                    Some(settled) => link = settled,
                    None => return Ok(Sent::Gone),
                }
            }
            if link.is_full() {
                return self.full(guards).await;
            }
            let mut steps = vec![self.put_message(&link, message)?];
            if link.max_messages.is_some() {
                steps.push(self.count_item(&link));
            }
            let (found, stored) = match self.write(guards, steps).await? {
                Written::Done(_) if link.max_messages.is_some() => return Ok(Sent::Stored),
                Written::Done(hits) => match self.link_now(&link).await {
                    Ok(found) => (found, Some(hits)),
                    // It is stored, and whoever is told of a failure would send it again.
                    Err(error) => {
                        self.record_degradation(&error);
                        return Ok(Sent::Stored);
                    }
                },
                Written::Stopped(stopped) => return Ok(Sent::Stopped(stopped)),
                Written::Refused(mut refused) => {
                    let item = refused.pop().and_then(|refused| refused.item);
                    (link.as_now(item)?, None)
                }
            };
            if let Some(hits) = stored {
                if found.as_ref().is_some_and(|found| found.max_messages.is_none()) {
                    return Ok(Sent::Stored);
                }
                self.take_back(&link, message, guards, &hits, found.is_some()).await?;
            }
            match found {
                Some(found) => link = found,
                None => return Ok(Sent::Gone),
            }
        }
        Err(StoreError::Busy("a link's cap changed too often during a send"))
    }

    /// A full link may be full of the very message that this request repeats.
    async fn full(&self, guards: &Guards<'_>) -> Result<Sent, StoreError> {
        let repeat = self.repeat(guards.once.as_ref()).await?;
        Ok(repeat.map_or(Sent::Full, |repeat| Sent::Stopped(Stopped::Repeated(repeat))))
    }

    /// Undoes a send with all that its transaction did. A count that may or may not have seen the message is void.
    async fn take_back(
        &self,
        link: &Link,
        message: &LinkMessage,
        guards: &mut Guards<'_>,
        hits: &[Hit],
        is_there: bool,
    ) -> Result<(), StoreError> {
        let mut steps = vec![self.transact_delete(Key::link_message(link.id, message.id), None)];
        steps.extend(self.undo(guards, hits));
        if is_there {
            steps.push(self.void_count_item(link));
        }
        match self.transact(steps).await? {
            Outcome::Done => Ok(()),
            // The link has gone since, or the slot is taken anew: the message and the kept answer must go all the same.
            Outcome::Refused(_) => {
                let mut steps = vec![self.transact_delete(Key::link_message(link.id, message.id), None)];
                steps.extend(guards.once.as_ref().map(|once| self.transact_delete(once.item_key(), None)));
                self.transact(steps).await.map(drop)
            }
        }
    }

    async fn link_now(&self, link: &Link) -> Result<Option<Link>, StoreError> {
        Ok(self.link(&link.slug).await?.filter(|found| found.id == link.id))
    }

    fn put_message(&self, link: &Link, message: &LinkMessage) -> Result<TransactItem, StoreError> {
        Ok(self.transact_put(to_item(Key::link_message(link.id, message.id), message)?, None, []))
    }
}
