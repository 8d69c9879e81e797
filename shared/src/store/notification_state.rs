//! What somebody was told of one conversation, so that nothing is told twice: a stream may bring a record again, and many
//! messages make one mail.

use std::time::Duration;

use serde::Deserialize;

use super::{NotificationEvent, Store, StoreError, Update, from_item, keys::Key, number, text};
use crate::types::Timestamp;

/// How long one mail stands for whatever else is written there.
const QUIET: Duration = Duration::from_secs(10 * 60);
/// Longer than one mail takes ([`crate::mail`]). Doubled with every attempt that may have sent the mail, up to half an hour. So while SES
/// accepts mails but answers too late, few mails are sent twice.
const LEASE: Duration = Duration::from_secs(15);
const DOUBLINGS: u32 = 7;
/// Longer than a stream keeps a record (24 hours), and so longer than one can come again.
const KEPT: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// What somebody was told of one conversation so far.
#[derive(Default, Deserialize)]
pub struct NotificationState {
    /// The last message that was mailed about.
    #[serde(default)]
    mailed: String,
    /// Until when there is no further mail.
    #[serde(default)]
    quiet_until: i64,
    /// Tries of a mail that may have sent it.
    #[serde(default)]
    mail_tries: u32,
}

/// Whose it is to mail about a message.
pub enum Turn {
    Ours,
    /// There is a mail already that stands for it.
    Done,
    /// A mail is under way, or may be.
    Busy,
}

impl NotificationState {
    /// Whether there is nothing to mail about `event`, as far as this knows.
    pub fn covers(&self, event: &NotificationEvent, now: Timestamp) -> bool {
        self.mailed >= event.message || self.quiet_until > now.millis()
    }
}

impl Store {
    pub async fn notification_state(&self, event: &NotificationEvent) -> Result<NotificationState, StoreError> {
        Ok(self.get(key(event)).await?.unwrap_or_default())
    }

    /// Takes the mail about `event` on, for as long as one takes.
    pub async fn begin_mail(
        &self,
        event: &NotificationEvent,
        state: &NotificationState,
        now: Timestamp,
    ) -> Result<Turn, StoreError> {
        let lease = LEASE * 2_u32.pow(state.mail_tries.min(DOUBLINGS));
        let begun = self.update(key(event), |update| {
            update
                .update_expression("SET mailing_until = :lease, #ttl = :ttl ADD mail_tries :one")
                .condition_expression(
                    "(attribute_not_exists(mailed) OR mailed < :id) \
                     AND (attribute_not_exists(quiet_until) OR quiet_until <= :now) \
                     AND (attribute_not_exists(mailing_until) OR mailing_until <= :now)",
                )
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":id", text(&event.message))
                .expression_attribute_values(":lease", number(now.after(lease).millis()))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":ttl", number(now.after(KEPT).seconds()))
                .expression_attribute_values(":now", number(now.millis()))
        });
        Ok(match begun.await? {
            Update::Done(_) => Turn::Ours,
            Update::Refused(item) => {
                let state: NotificationState = item.map(from_item).transpose()?.unwrap_or_default();
                if state.covers(event, now) { Turn::Done } else { Turn::Busy }
            }
        })
    }

    /// The mail has not gone out, for certain: whoever comes next may try.
    pub async fn put_mail_back(&self, event: &NotificationEvent) -> Result<(), StoreError> {
        let back = self.update(key(event), |update| update.update_expression("REMOVE mailing_until, mail_tries"));
        back.await.map(drop)
    }

    /// The mail about `event` has gone out: it stands for whatever is written there for a while.
    pub async fn end_mail(&self, event: &NotificationEvent, now: Timestamp) -> Result<(), StoreError> {
        let ended = self.update(key(event), |update| {
            update
                .update_expression("SET mailed = :id, quiet_until = :quiet REMOVE mailing_until, mail_tries")
                .expression_attribute_values(":id", text(&event.message))
                .expression_attribute_values(":quiet", number(now.after(QUIET).millis()))
        });
        ended.await.map(drop)
    }

    /// Whether `event` has been pushed.
    pub async fn was_pushed(&self, event: &NotificationEvent) -> Result<bool, StoreError> {
        Ok(self.get_item(push_key(event)).await?.is_some())
    }

    /// The push about `event` has gone out. Noted message by message: those that are written at once come in any order.
    pub async fn end_push(&self, event: &NotificationEvent, now: Timestamp) -> Result<(), StoreError> {
        let mut item = push_key(event).into_item();
        item.insert("ttl".to_owned(), number(now.after(KEPT).seconds()));
        self.put(item).await
    }
}

fn push_key(event: &NotificationEvent) -> Key {
    Key::notification_state(event.to, &format!("{}#PUSH#{}", event.place.name(), event.message))
}

fn key(event: &NotificationEvent) -> Key {
    Key::notification_state(event.to, &event.place.name())
}
