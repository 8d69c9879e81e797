//! Telling people that something was written to them, by mail and by push: by whom, if that is no secret, and where; never what.
//! It comes at least once, and twice only when a function dies between sending and noting it.

use std::collections::HashSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::{future::join_all, join, try_join};
use serde_json::json;

use crate::{
    app::App,
    mail::Letter,
    push::Pushed,
    store::{Account, AccountStatus, Device, News, Place, PushSubscription, StoreError, StreamRecord, UsernameClaim},
    tokens::Purpose,
    types::{DeviceId, Parse, PrivateMessageId, Timestamp, UserId},
};

/// Why somebody was not told.
enum Untold {
    /// Another try may succeed.
    ForNow(StoreError),
    ForGood(StoreError),
}

impl From<StoreError> for Untold {
    fn from(error: StoreError) -> Self {
        Self::ForNow(error)
    }
}

/// Tells of what a record of the stream is about. What can't be told for good goes into the queue, and holds nothing up.
pub async fn tell(app: &App, record: &StreamRecord) -> Result<(), StoreError> {
    let told = match News::of(record) {
        Ok(news) => tell_of(app, &news).await,
        Err(error) => Err(Untold::ForGood(error)),
    };
    match told {
        Ok(()) => Ok(()),
        Err(Untold::ForNow(error)) => Err(error),
        Err(Untold::ForGood(error)) => {
            app.queue().put(record.failed(&error).to_string()).await?;
            app.store.degrade(&error);
            Ok(())
        }
    }
}

async fn tell_of(app: &App, news: &News) -> Result<(), Untold> {
    let now = Timestamp::now();
    let (account, preferences, notice, was_pushed, subscriptions, says) = try_join!(
        app.store.account(news.to),
        app.store.preferences(news.to),
        app.store.notice(news),
        app.store.was_pushed(news),
        app.store.push_subscriptions(news.to),
        says(app, news),
    )?;
    let (Some(account), Some(says)) = (account, says) else { return Ok(()) };
    let wants_mail = preferences.email && !notice.covers(news, now);
    let wants_push = preferences.push && !subscriptions.is_empty() && !was_pushed;
    if !wants_mail && !wants_push {
        return Ok(());
    }
    let Some(claim) = app.store.username_claim(&account.username).await? else { return Ok(()) };
    if claim.user_id != account.id || claim.status != AccountStatus::Active {
        return Ok(());
    }
    let mail = async { if wants_mail { mail(app, news, &account, &says, now).await } else { Ok(()) } };
    let push = async { if wants_push { push(app, news, &claim, subscriptions, &says, now).await } else { Ok(()) } };
    let (mailed, pushed) = join!(mail, push);
    pushed?;
    mailed
}

/// What is to be said; `None` when there is nothing to tell any more.
async fn says(app: &App, news: &News) -> Result<Option<String>, StoreError> {
    match &news.place {
        Place::Inbox => Ok(Some("Somebody wrote to your inbox".to_owned())),
        Place::Link(slug) => Ok(Some(format!("Somebody wrote to your link {slug}"))),
        Place::Private { conversation, from } => {
            let (side, name) = try_join!(app.store.side(news.to, *conversation), name(app, *from))?;
            let message = PrivateMessageId::parse(&news.message).ok();
            let is_news = side.is_some_and(|side| !side.blocks && !message.is_some_and(|id| side.has_seen(id)));
            Ok(is_news.then(|| format!("{name} wrote to you")))
        }
        Place::Community { community, from } => {
            let (community, member, name) =
                try_join!(app.store.community(*community), app.store.member(*community, news.to), name(app, *from),)?;
            let may_read = member.is_some_and(|member| member.may_write());
            let community = community.filter(|community| may_read || community.creator == news.to);
            Ok(community.map(|community| format!("{name} wrote to you in {}", community.community_name.as_str())))
        }
    }
}

async fn name(app: &App, user: UserId) -> Result<String, StoreError> {
    let names = app.store.usernames([user].into_iter()).await?;
    Ok(names.first().map_or_else(|| "Somebody".to_owned(), |(_, name)| name.as_str().to_owned()))
}

/// Where to read it. What has no page of its own is read at the front door.
fn url(app: &App, news: &News) -> String {
    let base = &app.public_base_url;
    match &news.place {
        Place::Inbox => format!("{base}/inbox"),
        Place::Link(slug) => format!("{base}/{slug}/admin"),
        Place::Private { .. } | Place::Community { .. } => format!("{base}/"),
    }
}

async fn mail(app: &App, news: &News, account: &Account, says: &str, now: Timestamp) -> Result<(), Untold> {
    if !app.store.begin_mail(news, now).await? {
        return Ok(());
    }
    let token = app.tokens.unsubscribe(news.to);
    let unsubscribe = format!("{}/api/v1/notifications/unsubscribe?token={token}", app.public_base_url);
    match app.mailer().send_one_of_many(&account.email, &Letter::news(says, &url(app, news), &unsubscribe)).await {
        Ok(()) => Ok(app.store.end_mail(news, now).await?),
        Err(refused) if refused.is_final => Err(Untold::ForGood(refused.cause)),
        Err(refused) => Err(Untold::ForNow(refused.cause)),
    }
}

/// Pushes to every browser that somebody is signed in with. One that fails holds up no other.
async fn push(
    app: &App,
    news: &News,
    claim: &UsernameClaim,
    subscriptions: Vec<PushSubscription>,
    says: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let devices: HashSet<DeviceId> = subscriptions.iter().map(|subscription| subscription.device).collect();
    let devices = app.store.some_devices(news.to, &devices).await?;
    // Private messages are shown on trusted devices only.
    let may_know = |device: &Device| device.trusted || !matches!(news.place, Place::Private { .. });
    let is_signed_in = |subscription: &&PushSubscription| {
        let mut devices = devices.iter().filter(|device| device.id == subscription.device);
        devices.any(|device| device.is_signed_in(claim.epoch, now) && may_know(device))
    };
    let topic = topic(app, news);
    let message = json!({ "title": "Sotto", "body": says, "url": url(app, news), "tag": topic }).to_string();
    let pushes = subscriptions.iter().filter(is_signed_in).map(|subscription| async {
        match app.pusher().push(subscription, &message, &topic, now).await {
            Ok(Pushed::Taken) => Ok(()),
            Ok(Pushed::Gone) => app.store.forget_push_subscription(news.to, subscription.id).await.map(drop),
            Err(error) => Err(error),
        }
    });
    for error in join_all(pushes).await.into_iter().filter_map(Result::err) {
        app.store.degrade(&error);
    }
    app.store.end_push(news, now).await
}

/// Of messages of one conversation that a browser has not got yet, the newest is enough. Tells a push service nothing.
fn topic(app: &App, news: &News) -> String {
    let hash = app.tokens.keyed_hash(Purpose::PushTopic, &[news.to.as_bytes(), news.place.name().as_bytes()]);
    BASE64_URL_SAFE_NO_PAD.encode(&hash[..18])
}
