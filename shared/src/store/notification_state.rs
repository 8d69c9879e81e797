//! What somebody was told of one conversation, so that nothing is told twice: a stream or a queue may bring a message again, and many
//! messages make one mail.
//!
//! What comes within ten minutes of a mail waits for their end. One task waits for all of it. So each message only notes itself as the
//! newest one, and the task mails about whatever came.

use std::time::Duration;

use serde::Deserialize;

use super::{NotificationEvent, Store, StoreError, Update, from_item, keys::Key, number, text};
use crate::types::{PushSubscriptionId, Timestamp};

/// How long one mail stands for whatever else is written there.
const QUIET: Duration = Duration::from_secs(10 * 60);
/// Longer than one mail takes ([`crate::mail`]). Doubled with every attempt that may have sent the mail, up to half an hour. So while SES
/// accepts mails but answers too late, few mails are sent twice.
const LEASE: Duration = Duration::from_secs(15);
const DOUBLINGS: u32 = 7;
/// Longer than the pushes about one message take: the function's time-out.
pub const PUSH_LEASE: Duration = Duration::from_secs(60);
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
    /// Until when a mail may be under way.
    #[serde(default)]
    mailing_until: i64,
    /// Tries of a mail that may have sent it.
    #[serde(default)]
    mail_tries: u32,
    /// Until when a task waits for the end of the time without a mail.
    #[serde(default)]
    waits_until: i64,
    /// The message that has left this task.
    #[serde(default)]
    waiter: String,
    /// The newest message that waits with that task, and its keys.
    #[serde(default)]
    newest: Option<String>,
    #[serde(default)]
    newest_pk: String,
    #[serde(default)]
    newest_sk: String,
}

/// A task that waits until a push service takes pushes for a subscription again.
#[derive(Deserialize)]
pub struct PushWait {
    #[serde(default)]
    newest: Option<String>,
    #[serde(default)]
    newest_pk: String,
    #[serde(default)]
    newest_sk: String,
}

impl PushWait {
    /// The newest message that waits with the task, if it is newer than `event`.
    pub fn newer_than(self, event: &NotificationEvent) -> Option<NotificationEvent> {
        newer(self.newest, [self.newest_pk, self.newest_sk], event)
    }
}

fn newer(newest: Option<String>, at: [String; 2], event: &NotificationEvent) -> Option<NotificationEvent> {
    newest.filter(|newest| *newest > event.message).map(|newest| event.with_message(newest, at))
}

/// Whose it is to mail about a message.
pub enum Turn {
    Ours,
    /// There is a mail already that stands for it.
    Done,
    /// A mail is under way, or may be until then. Or one has just gone out.
    Busy(Timestamp),
}

impl NotificationState {
    /// Whether a mail stands for `event` that came after it.
    pub fn was_mailed(&self, event: &NotificationEvent) -> bool {
        self.mailed >= event.message
    }

    /// How long nobody else may send the next mail.
    pub fn lease(&self) -> Duration {
        LEASE * 2_u32.pow(self.mail_tries.min(DOUBLINGS))
    }

    /// The end of the time without a mail, if it is still to come.
    pub fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        (self.quiet_until > now.millis()).then(|| Timestamp::from_millis(self.quiet_until))
    }

    /// Whether a task of another message waits for the end of the time without a mail.
    pub fn has_waiting_task(&self, event: &NotificationEvent) -> bool {
        self.waits_until >= self.quiet_until && self.waiter != event.message
    }

    /// The newest message that waits, if it is newer than `event`.
    pub fn newer_than(self, event: &NotificationEvent) -> Option<NotificationEvent> {
        newer(self.newest, [self.newest_pk, self.newest_sk], event)
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
        lease: Duration,
        now: Timestamp,
    ) -> Result<Turn, StoreError> {
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
                if state.was_mailed(event) {
                    Turn::Done
                } else {
                    Turn::Busy(Timestamp::from_millis(state.mailing_until))
                }
            }
        })
    }

    /// The mail has not gone out, for certain: whoever comes next may try.
    pub async fn put_mail_back(&self, event: &NotificationEvent) -> Result<(), StoreError> {
        let back = self.update(key(event), |update| update.update_expression("REMOVE mailing_until, mail_tries"));
        back.await.map(drop)
    }

    /// The mail about `event` has gone out. It stands for everything up to that message.
    pub async fn end_mail(&self, event: &NotificationEvent, now: Timestamp) -> Result<(), StoreError> {
        let ended = self.update(key(event), |update| {
            update
                .update_expression("SET mailed = :id, quiet_until = :quiet REMOVE mailing_until, mail_tries")
                .expression_attribute_values(":id", text(&event.message))
                .expression_attribute_values(":quiet", number(now.after(QUIET).millis()))
        });
        ended.await.map(drop)
    }

    /// Notes that `event` waits for the end of the time without a mail.
    pub async fn note_waiting(&self, event: &NotificationEvent) -> Result<(), StoreError> {
        self.note_newest(key(event), event).await
    }

    /// Whether it is for this message to leave a task that waits until then. It stays so if the message comes again.
    pub async fn claim_wait(&self, event: &NotificationEvent, until: Timestamp) -> Result<bool, StoreError> {
        let claimed = self.update(key(event), |update| {
            update
                .update_expression("SET waits_until = :until, waiter = :id")
                .condition_expression(
                    "attribute_exists(pk) AND (attribute_not_exists(waits_until) OR waits_until < :until OR waiter = :id)",
                )
                .expression_attribute_values(":until", number(until.millis()))
                .expression_attribute_values(":id", text(&event.message))
        });
        Ok(claimed.await?.is_done())
    }

    async fn note_newest(&self, key: Key, event: &NotificationEvent) -> Result<(), StoreError> {
        let [pk, sk] = &event.at;
        let noted = self.update(key, |update| {
            update
                .update_expression("SET newest = :id, newest_pk = :pk, newest_sk = :sk")
                .condition_expression("attribute_exists(pk) AND (attribute_not_exists(newest) OR newest < :id)")
                .expression_attribute_values(":id", text(&event.message))
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":sk", text(sk))
        });
        noted.await.map(drop)
    }

    /// The task that waits until `subscription` can be pushed to about this place, or the last one that did.
    pub async fn push_wait(
        &self,
        event: &NotificationEvent,
        subscription: PushSubscriptionId,
    ) -> Result<Option<PushWait>, StoreError> {
        self.get(wait_key(event, subscription)).await
    }

    /// Notes that `event` waits for the same.
    pub async fn note_waiting_push(
        &self,
        event: &NotificationEvent,
        subscription: PushSubscriptionId,
    ) -> Result<(), StoreError> {
        self.note_newest(wait_key(event, subscription), event).await
    }

    /// Whether it is for this message to leave a task that waits until then. It stays so if the message comes again.
    pub async fn claim_push_wait(
        &self,
        event: &NotificationEvent,
        subscription: PushSubscriptionId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let claimed = self.update(wait_key(event, subscription), |update| {
            update
                .update_expression("SET wait_until = :until, waiter = :id, #ttl = :ttl")
                .condition_expression("attribute_not_exists(pk) OR wait_until <= :now OR waiter = :id")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":until", text(until))
                .expression_attribute_values(":now", text(now))
                .expression_attribute_values(":id", text(&event.message))
                .expression_attribute_values(":ttl", number(until.after(KEPT).seconds()))
        });
        Ok(claimed.await?.is_done())
    }

    /// The task that waits has to wait for longer.
    pub async fn prolong_push_wait(
        &self,
        event: &NotificationEvent,
        subscription: PushSubscriptionId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let prolonged = self.update(wait_key(event, subscription), |update| {
            update
                .update_expression("SET wait_until = :until, #ttl = :ttl")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":until", text(until))
                .expression_attribute_values(":ttl", number(until.after(KEPT).seconds()))
        });
        prolonged.await.map(drop)
    }

    /// Takes on the pushes about `event`, unless another task has done that. Each message has an item of its own: those that are
    /// written at once come in any order.
    pub async fn claim_push(&self, event: &NotificationEvent, now: Timestamp) -> Result<PushClaim, StoreError> {
        let claimed = self.update(push_key(event), |update| {
            update
                .update_expression("SET pushing_until = :until, #ttl = :ttl")
                .condition_expression("attribute_not_exists(pk) OR pushing_until < :now")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":until", number(now.after(PUSH_LEASE).millis()))
                .expression_attribute_values(":now", number(now.millis()))
                .expression_attribute_values(":ttl", number(now.after(KEPT).seconds()))
        });
        Ok(match claimed.await? {
            Update::Done(_) => PushClaim::Ours,
            Update::Refused(Some(item)) if !item.contains_key("pushing_until") => PushClaim::Pushed,
            Update::Refused(_) => PushClaim::Elsewhere,
        })
    }

    /// The pushes about `event` did not all go out: another task may take them on.
    pub async fn put_push_back(&self, event: &NotificationEvent) -> Result<(), StoreError> {
        let back = self.update(push_key(event), |update| {
            update
                .update_expression("SET pushing_until = :long_ago")
                .condition_expression("attribute_exists(pushing_until)")
                .expression_attribute_values(":long_ago", number(0))
        });
        back.await.map(drop)
    }

    /// The pushes about `event` have gone out.
    pub async fn end_push(&self, event: &NotificationEvent, now: Timestamp) -> Result<(), StoreError> {
        let ended = self.update(push_key(event), |update| {
            update
                .update_expression("SET #ttl = :ttl REMOVE pushing_until")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", number(now.after(KEPT).seconds()))
        });
        ended.await.map(drop)
    }
}

/// Whose pushes about a message are.
pub enum PushClaim {
    Ours,
    /// Another task is at it.
    Elsewhere,
    Pushed,
}

fn wait_key(event: &NotificationEvent, subscription: PushSubscriptionId) -> Key {
    Key::notification_state(event.to, &format!("{}#WAITS#{subscription}", event.place.name()))
}

fn push_key(event: &NotificationEvent) -> Key {
    Key::notification_state(event.to, &format!("{}#PUSH#{}", event.place.name(), event.message))
}

fn key(event: &NotificationEvent) -> Key {
    Key::notification_state(event.to, &event.place.name())
}
