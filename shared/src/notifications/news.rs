//! Reads everything once more just before a notification is sent, and words the notification.

use std::time::Duration;

use futures_util::try_join;

use crate::{
    app::App,
    store::{Account, AccountStatus, NotificationEvent, Place, Preferences, StoreError, UsernameClaim},
    types::{Parse, PrivateMessageId, Timestamp, UserId, becomes_link},
};

/// An older message was restored from a backup by hand, or its notification is too late to be of use. The stream itself keeps records
/// for no longer than this.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// A message that its recipient does not know of yet.
pub struct News {
    pub account: Account,
    pub claim: UsernameClaim,
    pub preferences: Preferences,
    /// A sentence without its full stop.
    pub says: String,
    /// The page where the message can be read.
    pub url: String,
}

impl NotificationEvent {
    /// Whether it is too late to tell of it.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        self.written_at().is_some_and(|time| time.after(FRESH) < now)
    }
}

/// `None` if there is nothing to tell: the message or the account is gone, the message was seen, or there is a block.
pub async fn news(app: &App, event: &NotificationEvent) -> Result<Option<News>, StoreError> {
    let (is_there, account, preferences, says) = try_join!(
        app.store.is_to_be_read(event),
        app.store.account(event.to),
        app.store.preferences(event.to),
        says(app, event),
    )?;
    let (true, Some(account), Some(says)) = (is_there, account, says) else { return Ok(None) };
    let claim = app.store.username_claim(&account.username).await?;
    let claim = claim.filter(|claim| claim.user_id == account.id && claim.status == AccountStatus::Active);
    Ok(claim.map(|claim| News { account, claim, preferences, says, url: url(app, event) }))
}

/// The text of the notification. `None` if there is nothing to tell any more.
async fn says(app: &App, event: &NotificationEvent) -> Result<Option<String>, StoreError> {
    match &event.place {
        Place::Inbox => Ok(Some("Somebody wrote to your inbox".to_owned())),
        Place::Link(slug) if becomes_link(slug) => Ok(Some("Somebody wrote to one of your links".to_owned())),
        Place::Link(slug) => Ok(Some(format!("Somebody wrote to your link {slug}"))),
        Place::Private { conversation, from } => {
            let (participant, name) = try_join!(app.store.participant(event.to, *conversation), name(app, *from))?;
            let message = PrivateMessageId::parse(&event.message).ok();
            let is_news = participant
                .is_some_and(|participant| !participant.blocks && !message.is_some_and(|id| participant.has_seen(id)));
            Ok(is_news.then(|| format!("{name} wrote to you")))
        }
        Place::Community { community, from } => {
            let (community, recipient, sender, name) = try_join!(
                app.store.community(*community),
                app.store.member(*community, event.to),
                app.store.member(*community, *from),
                name(app, *from)
            )?;
            let Some(community) = community else { return Ok(None) };
            let is_news = match community.creator == event.to {
                // The sender may have left since. The message stays.
                true => sender.is_some_and(|sender| !sender.blocked),
                false => recipient.is_some_and(|recipient| recipient.may_write()),
            };
            Ok(is_news.then(|| format!("{name} wrote to you in {}", place(community.community_name.as_str()))))
        }
    }
}

/// A user by the username, if that stays text in a mail.
async fn name(app: &App, user: UserId) -> Result<String, StoreError> {
    let names = app.store.usernames([user].into_iter()).await?;
    let name = names.first().map(|(_, name)| name.as_str()).filter(|name| !becomes_link(name));
    Ok(name.unwrap_or("Somebody").to_owned())
}

/// The page where the message can be read. Without a page of its own, it is the start page.
fn url(app: &App, event: &NotificationEvent) -> String {
    let base = &app.public_base_url;
    match &event.place {
        Place::Inbox => format!("{base}/inbox"),
        Place::Link(slug) => format!("{base}/{slug}/admin"),
        Place::Private { .. } | Place::Community { .. } => format!("{base}/"),
    }
}

/// A community by its name, if that stays text in a mail.
fn place(name: &str) -> &str {
    if becomes_link(name) { "a community" } else { name }
}
