//! What somebody was told of one conversation, so that nothing is told twice: a stream may bring a record again, and many
//! messages make one mail.

use std::time::Duration;

use serde::Deserialize;

use super::{News, Store, StoreError, keys::Key, number, text};
use crate::types::Timestamp;

/// How long one mail stands for whatever else is written there.
const QUIET: Duration = Duration::from_secs(10 * 60);
/// Longer than one mail takes, with every retry of the SDK's.
const LEASE: Duration = Duration::from_secs(30);
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

    /// Takes the mail about `news` on; `false` when there is one that stands for it already, or is under way. Whatever takes one on and
    /// does not come back is not forgotten: its own record comes again, and goes on with it.
    pub async fn begin_mail(&self, news: &News, now: Timestamp) -> Result<bool, StoreError> {
        let begun = self.update(key(news), |update| {
            update
                .update_expression("SET mailing = :id, mailing_until = :lease, #ttl = :ttl")
                .condition_expression(
                    "(attribute_not_exists(mailed) OR mailed < :id) \
                     AND (attribute_not_exists(quiet_until) OR quiet_until <= :now) \
                     AND (attribute_not_exists(mailing) OR mailing = :id OR mailing_until <= :now)",
                )
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":id", text(&news.message))
                .expression_attribute_values(":lease", number(now.after(LEASE).millis()))
                .expression_attribute_values(":ttl", number(now.after(KEPT).seconds()))
                .expression_attribute_values(":now", number(now.millis()))
        });
        Ok(begun.await?.is_ok())
    }

    /// The mail about `news` has gone out: it stands for whatever is written there for a while.
    pub async fn end_mail(&self, news: &News, now: Timestamp) -> Result<(), StoreError> {
        let ended = self.update(key(news), |update| {
            update
                .update_expression("SET mailed = :id, quiet_until = :quiet REMOVE mailing, mailing_until")
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
