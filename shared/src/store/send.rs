//! Sending to a link: exact under a cap, and without a shared item where there is none.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::{
    Outcome, Step, Store, StoreError,
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
                self.settle_count(&link).await?;
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
                let room = "id = :id AND attribute_not_exists(deleting) AND message_count < max_messages";
                steps.push(self.count_step(&link, "ADD message_count :change", 1, room));
            }
            let (found, stored) = match self.write(guards, steps).await? {
                Written::Done(_) if link.max_messages.is_some() => return Ok(Sent::Stored),
                Written::Done(hit) => (self.link_now(&link).await?, Some(hit)),
                Written::Stopped(stopped) => return Ok(Sent::Stopped(stopped)),
                Written::Refused(mut refused) => {
                    let item = refused.pop().and_then(|refused| refused.item);
                    (self.same_link(&link, item)?, None)
                }
            };
            if let Some(hit) = stored {
                if found.as_ref().is_some_and(|found| found.max_messages.is_none()) {
                    return Ok(Sent::Stored);
                }
                self.take_back(&link, message, guards, hit, found.is_some()).await?;
            }
            match found {
                Some(found) => link = found,
                None => return Ok(Sent::Gone),
            }
        }
        Err(StoreError::new("a link's cap changed too often during a send".to_owned()))
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
        hit: Option<Hit>,
        is_there: bool,
    ) -> Result<(), StoreError> {
        let mut steps = vec![self.delete_step(Key::link_message(link.id, message.id), None)];
        steps.extend(self.undo(guards, hit));
        if is_there {
            steps.push(self.count_step(link, "REMOVE message_count ADD count_epoch :change", 1, "id = :id"));
        }
        match self.transact(steps).await? {
            Outcome::Done => Ok(()),
            // The link has gone since, or a slot has been taken anew: the message must go all the same.
            Outcome::Refused(_) => {
                let steps = vec![self.delete_step(Key::link_message(link.id, message.id), None)];
                self.transact(steps).await.map(drop)
            }
        }
    }

    async fn link_now(&self, link: &Link) -> Result<Option<Link>, StoreError> {
        Ok(self.link(&link.slug).await?.filter(|found| found.id == link.id))
    }

    fn put_message(&self, link: &Link, message: &LinkMessage) -> Result<Step, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(Key::link_message(link.id, message.id), message)?))
            .build()
            .expect("a put with table and item");
        Ok(Step { action: "dynamodb:PutItem", item: TransactWriteItem::builder().put(put).build() })
    }
}
