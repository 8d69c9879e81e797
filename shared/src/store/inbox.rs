//! Inboxes: one message is one item, and its sender is known to nobody. What block-sender needs of who sent it is sealed on it.

use serde::{Deserialize, Serialize};

use super::{
    Item, Page, Sender, Store, StoreError, UsernameClaim,
    keys::{AFTER_MESSAGES, Key, inbox, inbox_message_sort, reports},
    number, text, to_item,
    write::{WriteContext, Written},
};
use crate::{
    tokens::random,
    types::{InboxMessageId, InboxText, PageSize, Timestamp, UserId, Username},
};

/// Bytes of the `ttl` of a vanished message: its name, and a number of ten digits (AWS, "DynamoDB item sizes and formats").
const TTL_BYTES: usize = 9;

#[derive(Serialize, Deserialize)]
pub struct InboxMessage {
    /// Says when it was sent, too.
    pub id: InboxMessageId,
    pub content: InboxText,
    /// The names of its sender under two keys, sealed (senders.rs).
    pub sealed_sender: String,
}

fn arriving(claim: &UsernameClaim, message: &InboxMessage) -> Result<Item, StoreError> {
    to_item(Key::inbox_message(claim.user_id, message.id), message)
}

/// An item of the very size of the message's, so that its writing costs the same, that says nothing of it and is gone soon.
fn nothing_of(message: InboxMessage, now: Timestamp) -> Result<Item, StoreError> {
    let content = InboxText::blank_of(&message.content, TTL_BYTES);
    let mut item = to_item(Key::discarded(random(), message.id), &InboxMessage { content, ..message })?;
    // The last digit is never a zero, which would be a byte less.
    item.insert("ttl".to_owned(), number(Timestamp::day_start(now.day() + 1).seconds() + 1));
    Ok(item)
}

impl Store {
    /// Puts a message into an inbox. For a blocked sender (`vanishes`) an item without the content is written to a
    /// place that nobody reads. The call takes as long, so the sender can't tell.
    pub async fn deliver(
        &self,
        claim: &UsernameClaim,
        message: InboxMessage,
        vanishes: bool,
        answer: String,
        context: &mut WriteContext,
    ) -> Result<Written, StoreError> {
        let item = if vanishes { nothing_of(message, context.now)? } else { arriving(claim, &message)? };
        // By itself it costs half of what it costs in a transaction.
        if context.is_empty() {
            return self.put(item).await.map(|()| Written::Done(answer));
        }
        let written = self.write(context, &answer, vec![self.transact_put(item, None, [])]).await?;
        written.never_refused()
    }

    pub async fn inbox_message(&self, user: UserId, id: InboxMessageId) -> Result<Option<InboxMessage>, StoreError> {
        self.get(Key::inbox_message(user, id)).await
    }

    /// The newest messages older than `before`, newest first.
    pub async fn inbox(
        &self,
        user: UserId,
        before: Option<InboxMessageId>,
        size: PageSize,
    ) -> Result<Page<InboxMessage>, StoreError> {
        let before = before.map_or_else(|| AFTER_MESSAGES.to_owned(), inbox_message_sort);
        self.page_before(inbox(user), before, size).await
    }

    /// Removes a message; one that is gone already stays gone.
    pub async fn delete_inbox_message(&self, user: UserId, id: InboxMessageId) -> Result<(), StoreError> {
        self.delete(Key::inbox_message(user, id), |delete| delete).await
    }

    /// Marks a message for those who run Sotto; the first report counts. `false` when there is no such message.
    pub async fn report(&self, user: UserId, id: InboxMessageId, now: Timestamp) -> Result<bool, StoreError> {
        let at = now.to_string();
        let reported = self.update(Key::inbox_message(user, id), |update| {
            update
                .update_expression(
                    "SET reported_at = if_not_exists(reported_at, :now), gsi1pk = if_not_exists(gsi1pk, :month), \
                     gsi1sk = if_not_exists(gsi1sk, :place)",
                )
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":now", text(&at))
                .expression_attribute_values(":month", text(reports(&at)))
                .expression_attribute_values(":place", text(format!("{at}#{id}")))
        });
        Ok(reported.await?.is_done())
    }

    /// From here until `ends_at`, what the sender of that name writes to `recipient` vanishes.
    pub async fn block_sender(&self, recipient: &Username, sender: &str, ends_at: Timestamp) -> Result<(), StoreError> {
        let mut item = Key::block_sender(recipient, sender).into_item();
        item.insert("ends_at".to_owned(), text(ends_at));
        item.insert("ttl".to_owned(), number(ends_at.seconds()));
        self.put(item).await
    }

    pub async fn is_sender_blocked(
        &self,
        recipient: &Username,
        sender: &Sender,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let [before, current] = sender.shunned_as();
        let (before, current) = futures_util::try_join!(
            self.get_item(Key::block_sender(recipient, before)),
            self.get_item(Key::block_sender(recipient, current))
        )?;
        let now = now.to_string();
        let is_live = |item: &Item| item.get("ends_at").and_then(|end| end.as_s().ok()).is_some_and(|end| *end > now);
        Ok([before, current].iter().flatten().any(is_live))
    }
}
