//! Links: the item that its owner changes and its senders read.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Item, Store, StoreError, Update, from_item,
    keys::Key,
    number, text, to_item,
    write::{WriteContext, Written},
};
use crate::{
    passwords::SecretHash,
    tokens::AdminTokenHash,
    types::{Description, LinkId, LinkMessageId, MaxMessages, Patch, Slug, Timestamp, Title, UserId},
};

#[derive(Serialize, Deserialize)]
pub struct Link {
    pub id: LinkId,
    pub slug: Slug,
    pub title: Title,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    pub is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<SecretHash>,
    pub admin_token: AdminTokenHash,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_messages: Option<MaxMessages>,
    /// How many messages there are: kept only while there is a cap, as a popular link must not share one item among its
    /// senders. Absent on a capped link until its messages were counted (see [`Store::settle_count`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_count: Option<u64>,
    /// Messages up to and including `counted_upto`, counted once: only later ones have to be counted again.
    #[serde(default)]
    pub counted: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_upto: Option<LinkMessageId>,
    /// Changes whenever a count of the messages that is under way has become wrong.
    #[serde(default)]
    pub count_epoch: u64,
    pub created_at: Timestamp,
    /// The user who is notified of its messages. Not shown to anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// Its owner has deleted it, and its messages are being removed: to everyone else it is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkStatus {
    Paused,
    Expired,
    Scheduled,
    Active,
}

impl Link {
    /// A link with none of its optional fields.
    pub fn new(id: LinkId, slug: Slug, title: Title, admin_token: AdminTokenHash, now: Timestamp) -> Self {
        Self {
            id,
            slug,
            title,
            description: None,
            is_active: true,
            pin: None,
            admin_token,
            starts_at: None,
            expires_at: None,
            max_messages: None,
            message_count: None,
            counted: 0,
            counted_upto: None,
            count_epoch: 0,
            created_at: now,
            owner: None,
            deleting: false,
        }
    }

    /// To the millisecond: a link starts with the millisecond `starts_at` and ends before the millisecond `expires_at`.
    pub fn status(&self, now: Timestamp) -> LinkStatus {
        match self {
            Self { is_active: false, .. } => LinkStatus::Paused,
            Self { expires_at: Some(end), .. } if *end <= now => LinkStatus::Expired,
            Self { starts_at: Some(start), .. } if *start > now => LinkStatus::Scheduled,
            _ => LinkStatus::Active,
        }
    }

    /// The link in `item`, if it is still the same link and is not being deleted.
    pub(super) fn as_now(&self, item: Option<Item>) -> Result<Option<Self>, StoreError> {
        let found = item.map_or(Ok(None), Self::in_item)?;
        Ok(found.filter(|found| found.id == self.id && !found.deleting))
    }

    /// The link in an item under its key; `None` where only its slug is reserved.
    fn in_item(item: Item) -> Result<Option<Self>, StoreError> {
        if item.contains_key("reserved_until") { Ok(None) } else { from_item(item).map(Some) }
    }

    /// Whether its messages, as far as they are counted, have reached its cap.
    pub fn is_full(&self) -> bool {
        let cap = self.max_messages.map(|most| u64::from(most.get()));
        self.message_count.zip(cap).is_some_and(|(count, cap)| count >= cap)
    }
}

/// How long nobody else can have the slug of a deleted link (the contract's 30 days).
const SLUG_RESERVED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A slug that nobody has, and nobody but whoever deleted its link gets before its time.
#[derive(Serialize, Deserialize)]
pub(super) struct ReservedSlug {
    reserved_until: Timestamp,
    ttl: i64,
    deleted_with: AdminTokenHash,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_by: Option<UserId>,
}

impl ReservedSlug {
    pub(super) fn of(link: &Link, now: Timestamp) -> Self {
        let reserved_until = now.after(SLUG_RESERVED);
        let (deleted_with, deleted_by) = (link.admin_token.clone(), link.owner);
        Self { reserved_until, ttl: reserved_until.seconds(), deleted_with, deleted_by }
    }

    /// In the place of the link.
    pub(super) fn item(&self, slug: &Slug) -> Result<Item, StoreError> {
        to_item(Key::link(slug), self)
    }
}

/// What shows that somebody has deleted the link whose slug is asked for again.
#[derive(Default)]
pub struct SlugClaim {
    pub admin_token: Option<AdminTokenHash>,
    pub user: Option<UserId>,
}

/// The changes that an owner makes.
#[derive(Default)]
pub struct LinkChanges {
    pub is_active: Option<bool>,
    pub title: Option<Title>,
    pub description: Patch<Description>,
    pub pin: Patch<SecretHash>,
    pub starts_at: Patch<Timestamp>,
    pub expires_at: Patch<Timestamp>,
    pub max_messages: Patch<MaxMessages>,
}

impl LinkChanges {
    pub fn is_empty(&self) -> bool {
        self.is_active.is_none()
            && self.title.is_none()
            && self.description.is_keep()
            && self.pin.is_keep()
            && self.starts_at.is_keep()
            && self.expires_at.is_keep()
            && self.max_messages.is_keep()
    }
}

/// Another link has the slug.
pub struct SlugTaken;

pub enum Updated {
    Done(Box<Link>),
    /// Its times would contradict each other.
    ExpiresBeforeStart,
    /// It was deleted meanwhile.
    Gone,
}

impl Store {
    /// A link that is not being deleted.
    pub async fn link(&self, slug: &Slug) -> Result<Option<Link>, StoreError> {
        Ok(self.link_or_remains(slug).await?.filter(|link| !link.deleting))
    }

    /// A link, also one whose deletion is under way.
    pub async fn link_or_remains(&self, slug: &Slug) -> Result<Option<Link>, StoreError> {
        self.get_item(Key::link(slug)).await?.map_or(Ok(None), Link::in_item)
    }

    /// Of creators that race for a slug exactly one is done. A reserved slug goes to whoever deleted its link.
    pub async fn create_link(
        &self,
        link: &Link,
        claim: &SlugClaim,
        answer: &str,
        context: &mut WriteContext,
    ) -> Result<Written<SlugTaken>, StoreError> {
        let mut is_free = "attribute_not_exists(pk) OR reserved_until <= :now".to_owned();
        let mut values = vec![(":now", text(context.now))];
        if let Some(token) = &claim.admin_token {
            is_free += " OR deleted_with = :token";
            values.push((":token", text(token.as_str())));
        }
        if let Some(user) = claim.user {
            is_free += " OR deleted_by = :user";
            values.push((":user", text(user)));
        }
        let step = self.transact_put(to_item(Key::link(&link.slug), link)?, Some(&is_free), values);
        Ok(self.write(context, answer, vec![step]).await?.refused_as(|_| SlugTaken))
    }

    /// Changes only the fields that `changes` names, so two changes of different fields both hold.
    pub async fn update_link(&self, link: &Link, changes: &LinkChanges) -> Result<Updated, StoreError> {
        let mut change = Change::default();
        change.set_if("is_active", changes.is_active);
        change.set_if("title", changes.title.as_ref());
        change.patch("description", &changes.description);
        change.patch("pin", &changes.pin);
        change.patch("starts_at", &changes.starts_at);
        change.patch("expires_at", &changes.expires_at);
        change.patch("max_messages", &changes.max_messages);
        let counted = link.max_messages.is_some() && link.message_count.is_some();
        if matches!(changes.max_messages, Patch::Clear) || (!changes.max_messages.is_keep() && !counted) {
            change.removed.push("message_count");
        }

        let mut condition = "id = :id AND attribute_not_exists(deleting)".to_owned();
        match (&changes.starts_at, &changes.expires_at) {
            (Patch::Keep, Patch::Set(_)) => {
                condition += " AND (attribute_not_exists(starts_at) OR starts_at < :expires_at)";
            }
            (Patch::Set(_), Patch::Keep) => {
                condition += " AND (attribute_not_exists(expires_at) OR expires_at > :starts_at)";
            }
            _ => {}
        }
        let expression = change.expression();
        let values = change.values()?;
        let updated = self
            .update(Key::link(&link.slug), |update| {
                update
                    .update_expression(expression)
                    .condition_expression(condition)
                    .set_expression_attribute_values(Some(values))
                    .expression_attribute_values(":id", text(link.id))
                    .expression_attribute_values(":one", number(1))
                    .return_values(ReturnValue::AllNew)
            })
            .await?;
        match updated {
            Update::Done(item) => Ok(Updated::Done(Box::new(from_item(item)?))),
            Update::Refused(item) => Ok(match link.as_now(item)? {
                Some(_) => Updated::ExpiresBeforeStart,
                None => Updated::Gone,
            }),
        }
    }

    /// Counts the messages of a link whose cap was set after some had been sent. Until then no message is accepted
    /// under the cap. Every request that needs the count settles it first, so a request that dies half-way leaves
    /// nothing undone.
    pub async fn settle_count(&self, link: &Link, now: Timestamp) -> Result<(), StoreError> {
        let count = self.message_count(link, now).await?;
        let condition = "id = :id AND count_epoch = :epoch AND attribute_exists(max_messages) \
                         AND attribute_not_exists(message_count)";
        self.update(Key::link(&link.slug), |update| {
            update
                .update_expression("SET message_count = :count")
                .condition_expression(condition)
                .expression_attribute_values(":id", text(link.id))
                .expression_attribute_values(":epoch", number(link.count_epoch))
                .expression_attribute_values(":count", number(count))
        })
        .await
        .map(drop)
    }
}

/// An update expression in the making. None of a link's attributes is one of DynamoDB's own words.
#[derive(Default)]
struct Change {
    set: Vec<&'static str>,
    removed: Vec<&'static str>,
    values: serde_json::Map<String, serde_json::Value>,
}

impl Change {
    fn set_if(&mut self, name: &'static str, value: Option<impl Serialize>) {
        if let Some(value) = value.and_then(|value| serde_json::to_value(value).ok()) {
            self.set.push(name);
            self.values.insert(format!(":{name}"), value);
        }
    }

    fn patch(&mut self, name: &'static str, patch: &Patch<impl Serialize>) {
        match patch {
            Patch::Keep => {}
            Patch::Clear => self.removed.push(name),
            Patch::Set(value) => self.set_if(name, Some(value)),
        }
    }

    fn expression(&self) -> String {
        let set: Vec<String> = self.set.iter().map(|name| format!("{name} = :{name}")).collect();
        let mut expression = "ADD count_epoch :one".to_owned();
        if !set.is_empty() {
            expression += &format!(" SET {}", set.join(", "));
        }
        if !self.removed.is_empty() {
            expression += &format!(" REMOVE {}", self.removed.join(", "));
        }
        expression
    }

    fn values(self) -> Result<Item, StoreError> {
        serde_dynamo::to_item(self.values).map_err(|error| StoreError::unwritable("a change", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{tokens::AdminToken, types::Parse};

    fn link(starts_at: Option<i64>, expires_at: Option<i64>, is_active: bool) -> Link {
        let (slug, title, now) = (Slug::parse("a-link"), Title::parse("A link"), Timestamp::from_millis(0));
        let token = AdminToken::generate().hash();
        Link {
            is_active,
            starts_at: starts_at.map(Timestamp::from_millis),
            expires_at: expires_at.map(Timestamp::from_millis),
            ..Link::new(LinkId::new(now, [0; 10]), slug.unwrap(), title.unwrap(), token, now)
        }
    }

    #[test]
    fn start_and_end_are_exact_to_the_millisecond() {
        let link = link(Some(1_000), Some(2_000), true);
        for (millis, status) in [
            (999, LinkStatus::Scheduled),
            (1_000, LinkStatus::Active),
            (1_999, LinkStatus::Active),
            (2_000, LinkStatus::Expired),
        ] {
            assert_eq!(link.status(Timestamp::from_millis(millis)), status, "at {millis}");
        }
    }

    #[test]
    fn paused_comes_before_expired_and_expired_before_scheduled() {
        let now = Timestamp::from_millis(5_000);
        assert_eq!(link(None, Some(1_000), false).status(now), LinkStatus::Paused);
        assert_eq!(link(Some(9_000), Some(1_000), true).status(now), LinkStatus::Expired);
        assert_eq!(link(None, None, true).status(now), LinkStatus::Active);
    }
}
