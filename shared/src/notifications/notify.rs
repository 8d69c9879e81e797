//! Notifying people by mail and by push that something was written to them. A notification names the place and, if
//! that is no secret, the sender. It never quotes the message. It is sent at least once. It is sent twice only if a
//! function dies between sending and noting it, or if SES takes a mail and its answer is lost.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::{future::join_all, join, try_join};
use serde_json::json;

use crate::{
    app::App,
    mail::EmailMessage,
    push::Pushed,
    store::{
        Account, AccountStatus, Device, NotificationEvent, NotificationState, Place, PushSubscription, StoreError,
        StreamRecord, Turn, UsernameClaim,
    },
    tokens::Purpose,
    types::{DeviceId, Parse, PrivateMessageId, Timestamp, UserId, becomes_link},
};

/// How long a mail waits for another mail of the same conversation, and how often it checks.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(150);

/// An older message was restored from a backup by hand. The stream itself keeps records for no longer than this.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a notification was not sent.
enum NotNotified {
    /// Another try may succeed.
    ForNow(StoreError),
    ForGood(StoreError),
}

impl From<StoreError> for NotNotified {
    fn from(error: StoreError) -> Self {
        if error.is_final() { Self::ForGood(error) } else { Self::ForNow(error) }
    }
}

/// Sends the notifications for a record of the stream. A notification that can never be sent goes to the dead-letter queue and
/// blocks nothing.
pub async fn notify(app: &App, record: &StreamRecord) -> Result<(), StoreError> {
    let told = match NotificationEvent::of(record) {
        Ok(event) => notify_of(app, &event).await,
        Err(error) => Err(NotNotified::ForGood(error)),
    };
    match told {
        Ok(()) => Ok(()),
        Err(NotNotified::ForNow(error)) => Err(error),
        Err(NotNotified::ForGood(error)) => {
            app.queue().put(record.failed(&error).to_string()).await?;
            app.store.record_degradation(&error);
            Ok(())
        }
    }
}

async fn notify_of(app: &App, event: &NotificationEvent) -> Result<(), NotNotified> {
    let now = Timestamp::now();
    if event.written_at().is_some_and(|time| time.after(FRESH) < now) {
        return Ok(());
    }
    let (is_there, account, preferences, state, was_pushed, subscriptions, says) = try_join!(
        app.store.is_to_be_read(event),
        app.store.account(event.to),
        app.store.preferences(event.to),
        app.store.notification_state(event),
        app.store.was_pushed(event),
        app.store.push_subscriptions(event.to),
        says(app, event),
    )?;
    let (true, Some(account), Some(says)) = (is_there, account, says) else { return Ok(()) };
    let wants_mail = preferences.email && !state.covers(event, now);
    let wants_push = preferences.push && !subscriptions.is_empty() && !was_pushed;
    if !wants_mail && !wants_push {
        return Ok(());
    }
    let Some(claim) = app.store.username_claim(&account.username).await? else { return Ok(()) };
    if claim.user_id != account.id || claim.status != AccountStatus::Active {
        return Ok(());
    }
    let mail = async { if wants_mail { mail(app, event, state, &account, &says).await } else { Ok(()) } };
    let push = async { if wants_push { push(app, event, &claim, subscriptions, &says, now).await } else { Ok(()) } };
    let (mailed, pushed) = join!(mail, push);
    pushed?;
    mailed
}

/// The text of the notification. `None` if there is nothing to notify any more.
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

/// Waits for its turn, as long as another mail of the conversation should take.
async fn turn(app: &App, event: &NotificationEvent, state: NotificationState) -> Result<bool, StoreError> {
    let (started, mut state) = (Instant::now(), state);
    loop {
        match app.store.begin_mail(event, &state, Timestamp::now()).await? {
            Turn::Ours => return Ok(true),
            Turn::Done => return Ok(false),
            Turn::Busy if started.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            Turn::Busy => return Err(StoreError::Busy("another mail of the conversation is under way")),
        }
        state = app.store.notification_state(event).await?;
    }
}

async fn mail(
    app: &App,
    event: &NotificationEvent,
    state: NotificationState,
    account: &Account,
    says: &str,
) -> Result<(), NotNotified> {
    if !turn(app, event, state).await? {
        return Ok(());
    }
    let token = app.tokens.unsubscribe(event.to);
    let unsubscribe = format!("{}/api/v1/notifications/unsubscribe?token={token}", app.public_base_url);
    match app
        .mailer()
        .send_one_of_many(&account.email, &EmailMessage::notification(says, &url(app, event), &unsubscribe))
        .await
    {
        Ok(()) => Ok(app.store.end_mail(event, Timestamp::now()).await?),
        Err(refused) => {
            if !refused.may_be_sent {
                app.store.put_mail_back(event).await?;
            }
            Err(if refused.is_final { NotNotified::ForGood(refused.cause) } else { NotNotified::ForNow(refused.cause) })
        }
    }
}

/// Pushes to every browser whose device has a session. A failed push does not stop the others.
async fn push(
    app: &App,
    event: &NotificationEvent,
    claim: &UsernameClaim,
    subscriptions: Vec<PushSubscription>,
    says: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let devices: HashSet<DeviceId> = subscriptions.iter().map(|subscription| subscription.device).collect();
    let devices = app.store.some_devices(event.to, &devices).await?;
    // Private messages are shown on trusted devices only.
    let may_know = |device: &Device| device.trusted || !matches!(event.place, Place::Private { .. });
    let is_signed_in = |subscription: &&PushSubscription| {
        let mut devices = devices.iter().filter(|device| device.id == subscription.device);
        devices.any(|device| device.is_signed_in(claim.epoch, now) && may_know(device))
    };
    let tag = topic(app, event, b"");
    let message = json!({ "title": "Sotto", "body": says, "url": url(app, event), "tag": tag }).to_string();
    let pushes = subscriptions.iter().filter(is_signed_in).map(|subscription| async {
        let topic = topic(app, event, subscription.id.as_bytes());
        match app.pusher().push(subscription, &message, &topic, now).await {
            Ok(Pushed::Taken) => Ok(()),
            Ok(Pushed::Gone) => app.store.forget_push_subscription(event.to, subscription.id).await.map(drop),
            Ok(Pushed::Refused(error)) | Err(error) => Err(error),
        }
    });
    for error in join_all(pushes).await.into_iter().filter_map(Result::err) {
        app.store.record_degradation(&error);
    }
    app.store.end_push(event, now).await
}

/// The topic of a push. A push service keeps only the newest undelivered push of a topic, so a browser gets one for
/// each conversation. The topic tells the service nothing, not even which `browser`s belong to one user.
fn topic(app: &App, event: &NotificationEvent, browser: &[u8]) -> String {
    let place = event.place.name();
    let hash = app.tokens.keyed_hash(Purpose::PushTopic, &[event.to.as_bytes(), place.as_bytes(), browser]);
    BASE64_URL_SAFE_NO_PAD.encode(&hash[..18])
}
