//! Pushes about messages, to every browser whose device has a session. Each is tried once. If a push service does not take one, its
//! subscription rests. One task waits for the end of that, on behalf of everything that comes meanwhile.

use std::{collections::HashSet, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::{future::join_all, try_join};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::news::{News, news};
use crate::{
    app::App,
    http::{NotDone, Outcome},
    push::{Pushed, Urgency},
    queue::{LONGEST_DELAY, Task},
    store::{Device, NotificationEvent, PUSH_LEASE, Place, PushClaim, PushSubscription, PushWait, StoreError},
    tokens::Purpose,
    types::{DeviceId, PushSubscriptionId, Timestamp},
};

/// How long a subscription rests at most, whatever its push service says.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long it rests at most, if the push service says nothing.
const LONGEST_OWN_REST: Duration = Duration::from_secs(60 * 60);

/// Pushes about a message.
#[derive(Serialize, Deserialize)]
pub struct PushTask {
    pub event: NotificationEvent,
    /// The one subscription for which it has waited.
    pub only_to: Option<PushSubscriptionId>,
}

impl Task for PushTask {
    fn given_up(&self, why: &StoreError) -> Value {
        self.event.given_up(why)
    }
}

/// A subscription that rests, until then.
struct Resting {
    subscription: PushSubscriptionId,
    until: Timestamp,
}

pub async fn send_pushes(app: &App, task: &PushTask) -> Result<Outcome, NotDone> {
    let (event, now) = (&task.event, Timestamp::now());
    if event.is_old(now) {
        return Ok(Outcome::Done);
    }
    match task.only_to {
        None => push_to_all(app, event, now).await,
        Some(subscription) => push_after_rest(app, event, subscription, now).await,
    }
}

async fn push_to_all(app: &App, event: &NotificationEvent, now: Timestamp) -> Result<Outcome, NotDone> {
    let (found, subscriptions) = try_join!(news(app, event), app.store.push_subscriptions(event.to))?;
    let Some(found) = found else { return Ok(Outcome::Done) };
    // A queue may bring a task twice at once.
    match app.store.claim_push(event, now).await? {
        PushClaim::Ours => {}
        PushClaim::Pushed => return Ok(Outcome::Done),
        PushClaim::Elsewhere => return Ok(Outcome::PutOff(PUSH_LEASE)),
    }
    if let Err(error) = push_or_wait(app, event, &found, subscriptions, now).await {
        app.store.put_push_back(event).await?;
        return Err(error.into());
    }
    app.store.end_push(event, now).await?;
    Ok(Outcome::Done)
}

async fn push_or_wait(
    app: &App,
    event: &NotificationEvent,
    news: &News,
    subscriptions: Vec<PushSubscription>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for resting in push(app, event, news, subscriptions, now).await? {
        wait(app, event, &resting, now).await?;
    }
    Ok(())
}

async fn push_after_rest(
    app: &App,
    event: &NotificationEvent,
    id: PushSubscriptionId,
    now: Timestamp,
) -> Result<Outcome, NotDone> {
    let (own, wait, subscription) =
        try_join!(news(app, event), app.store.push_wait(event, id), app.store.push_subscription(event.to, id))?;
    let newest = wait.and_then(|wait| PushWait::newer_than(wait, event));
    let (found, of) = match (own, newest) {
        (_, Some(newest)) if subscription.is_some() => match news(app, &newest).await? {
            Some(found) => (Some(found), newest),
            None => (news(app, event).await?, event.clone()),
        },
        (own, _) => (own, event.clone()),
    };
    let Some(found) = found else { return Ok(Outcome::Done) };
    let resting = push(app, &of, &found, subscription.into_iter().collect(), now).await?.pop();
    let Some(Resting { until, .. }) = resting else { return Ok(Outcome::Done) };
    app.store.prolong_push_wait(event, id, until).await?;
    Ok(Outcome::PutOff(until.since(now)))
}

/// Lets one task wait for the end of a subscription's rest. Whatever comes until then notes itself and needs no task.
async fn wait(app: &App, event: &NotificationEvent, resting: &Resting, now: Timestamp) -> Result<(), StoreError> {
    let id = resting.subscription;
    if !app.store.claim_push_wait(event, id, resting.until, now).await? {
        return app.store.note_waiting_push(event, id).await;
    }
    // A rest that is longer than any delay begins at once: the task itself is hidden then.
    let delay = Some(resting.until.since(now)).filter(|rest| *rest <= LONGEST_DELAY).unwrap_or_default();
    app.pushes().hand_over(&PushTask { event: event.clone(), only_to: Some(id) }, delay).await
}

/// Pushes to those of the subscriptions whose devices may know, each once. A failed push does not stop the others. Returns the
/// subscriptions that rest.
async fn push(
    app: &App,
    event: &NotificationEvent,
    news: &News,
    subscriptions: Vec<PushSubscription>,
    now: Timestamp,
) -> Result<Vec<Resting>, StoreError> {
    if subscriptions.is_empty() || !news.preferences.push {
        return Ok(Vec::new());
    }
    let devices: HashSet<DeviceId> = subscriptions.iter().map(|subscription| subscription.device).collect();
    let devices = app.store.some_devices(event.to, &devices).await?;
    // Private messages are shown on trusted devices only.
    let may_know = |device: &Device| device.trusted || !matches!(event.place, Place::Private { .. });
    let is_signed_in = |subscription: &&PushSubscription| {
        let mut devices = devices.iter().filter(|device| device.id == subscription.device);
        devices.any(|device| device.is_signed_in(news.claim.epoch, now) && may_know(device))
    };
    let tag = topic(app, event, b"");
    let message = json!({ "title": "Sotto", "body": news.says, "url": news.url, "tag": tag }).to_string();
    let pushes = subscriptions.iter().filter(is_signed_in).map(|to| push_once(app, event, to, &message, now));
    let mut resting = Vec::new();
    for pushed in join_all(pushes).await {
        match pushed {
            Ok(rests) => resting.extend(rests),
            Err(error) => app.store.record_degradation(&error),
        }
    }
    Ok(resting)
}

async fn push_once(
    app: &App,
    event: &NotificationEvent,
    to: &PushSubscription,
    message: &str,
    now: Timestamp,
) -> Result<Option<Resting>, StoreError> {
    if let Some(until) = to.rests_until.filter(|until| *until > now) {
        return Ok(Some(Resting { subscription: to.id, until }));
    }
    let topic = topic(app, event, to.id.as_bytes());
    let urgency = if matches!(event.place, Place::Private { .. }) { Urgency::High } else { Urgency::Normal };
    match app.pusher().push(to, message, &topic, urgency, now).await? {
        Pushed::Taken if to.failures > 0 => {
            app.store.wake_push_subscription(event.to, to.id).await?;
        }
        Pushed::Taken => {}
        Pushed::Gone => {
            app.store.forget_push_subscription(event.to, to.id).await?;
        }
        Pushed::Refused(error) => return Err(error),
        Pushed::Later(error, wanted) => {
            app.store.record_degradation(&error);
            let failures = to.failures.saturating_add(1);
            let until = Timestamp::now().after(rest(failures, wanted));
            app.store.rest_push_subscription(event.to, to.id, until, failures).await?;
            return Ok(Some(Resting { subscription: to.id, until }));
        }
    }
    Ok(None)
}

/// How long a subscription rests after so many failures in a row: as long as its push service wants, or else a second, doubled with each
/// failure.
fn rest(failures: u32, wanted: Option<Duration>) -> Duration {
    let own = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let rest = wanted.unwrap_or(own.min(LONGEST_OWN_REST));
    rest.clamp(Duration::from_secs(1), LONGEST_REST)
}

/// The topic of a push. A push service keeps only the newest undelivered push of a topic, so a browser gets one for
/// each conversation. The topic tells the service nothing, not even which `browser`s belong to one user.
fn topic(app: &App, event: &NotificationEvent, browser: &[u8]) -> String {
    let place = event.place.name();
    let hash = app.tokens.keyed_hash(Purpose::PushTopic, &[event.to.as_bytes(), place.as_bytes(), browser]);
    BASE64_URL_SAFE_NO_PAD.encode(&hash[..18])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_as_long_as_the_push_service_wants_or_grows_by_itself() {
        let seconds = |failures, wanted: Option<u64>| rest(failures, wanted.map(Duration::from_secs)).as_secs();
        assert_eq!([1, 2, 3, 12, 13, u32::MAX].map(|failures| seconds(failures, None)), [1, 2, 4, 2048, 3600, 3600]);
        assert_eq!([0, 90, 7200, 1_000_000].map(|wanted| seconds(5, Some(wanted))), [1, 90, 7200, 86_400]);
    }
}
