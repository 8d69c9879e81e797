//! What somebody was told of one conversation, so that nothing is told twice: a stream may bring a record again, and many
//! messages make one mail.

use std::time::Duration;

use serde::Deserialize;

use super::{News, Store, StoreError, from_item, keys::Key, number, text};
use crate::types::Timestamp;

/// How long one mail stands for whatever else is written there.
const QUIET: Duration = Duration::from_secs(10 * 60);
/// Longer than one mail takes ([`crate::mail`]). Doubled with every try that may have sent it, up to half an hour: while SES takes letters
/// and does not say so in time, few go out twice.
const LEASE: Duration = Duration::from_secs(15);
const DOUBLINGS: u32 = 7;
/// Longer than a stream keeps a record (24 hours), and so longer than one can come again.
const KEPT: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// What somebody was told of one conversation so far.
#[derive(Default, Deserialize)]
pub struct Notice {
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

impl Notice {
    /// Whether there is nothing to mail about `news`, as far as this knows.
    pub fn covers(&self, news: &News, now: Timestamp) -> bool {
        self.mailed >= news.message || self.quiet_until > now.millis()
    }
}

impl Store {
    pub async fn notice(&self, news: &News) -> Result<Notice, StoreError> {
        Ok(self.get(key(news)).await?.unwrap_or_default())
    }

    /// Takes the mail about `news` on, for as long as one takes.
    pub async fn begin_mail(&self, news: &News, notice: &Notice, now: Timestamp) -> Result<Turn, StoreError> {
        let lease = LEASE * 2_u32.pow(notice.mail_tries.min(DOUBLINGS));
        let begun = self.update(key(news), |update| {
            update
                .update_expression("SET mailing_until = :lease, #ttl = :ttl ADD mail_tries :one")
                .condition_expression(
                    "(attribute_not_exists(mailed) OR mailed < :id) \
                     AND (attribute_not_exists(quiet_until) OR quiet_until <= :now) \
                     AND (attribute_not_exists(mailing_until) OR mailing_until <= :now)",
                )
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":id", text(&news.message))
                .expression_attribute_values(":lease", number(now.after(lease).millis()))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":ttl", number(now.after(KEPT).seconds()))
                .expression_attribute_values(":now", number(now.millis()))
        });
        Ok(match begun.await? {
            Ok(_) => Turn::Ours,
            Err(item) => {
                let notice: Notice = item.map(from_item).transpose()?.unwrap_or_default();
                if notice.covers(news, now) { Turn::Done } else { Turn::Busy }
            }
        })
    }

    /// The mail has not gone out, for certain: whoever comes next may try.
    pub async fn put_mail_back(&self, news: &News) -> Result<(), StoreError> {
        let back = self.update(key(news), |update| update.update_expression("REMOVE mailing_until, mail_tries"));
        back.await.map(drop)
    }

    /// The mail about `news` has gone out: it stands for whatever is written there for a while.
    pub async fn end_mail(&self, news: &News, now: Timestamp) -> Result<(), StoreError> {
        let ended = self.update(key(news), |update| {
            update
                .update_expression("SET mailed = :id, quiet_until = :quiet REMOVE mailing_until, mail_tries")
                .expression_attribute_values(":id", text(&news.message))
                .expression_attribute_values(":quiet", number(now.after(QUIET).millis()))
        });
        ended.await.map(drop)
    }

    /// Whether `news` has been pushed.
    pub async fn was_pushed(&self, news: &News) -> Result<bool, StoreError> {
        Ok(self.get_item(push_key(news)).await?.is_some())
    }

    /// The push about `news` has gone out. Noted message by message: those that are written at once come in any order.
    pub async fn end_push(&self, news: &News, now: Timestamp) -> Result<(), StoreError> {
        let mut item = push_key(news).into_item();
        item.insert("ttl".to_owned(), number(now.after(KEPT).seconds()));
        self.put(item).await
    }
}

fn push_key(news: &News) -> Key {
    Key::notice(news.to, &format!("{}#PUSH#{}", news.place.name(), news.message))
}

fn key(news: &News) -> Key {
    Key::notice(news.to, &news.place.name())
}
