//! `POST /api/v1/push/subscriptions`: keeps the address at which a browser of the signed-in user takes pushes. The
//! same address again renews the subscription. It belongs to the caller's device: after a sign-out there, nothing is
//! sent to it.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, NotificationsError> {
    let now = request.now();
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let asked = request.json::<BrowserSubscription>().map_err(NotificationsError::from).map(|browser| {
        let (endpoint, p256dh, auth) = browser.into_parts();
        (app.tokens.push_subscription_of(user, &endpoint), endpoint, p256dh, auth)
    });
    let (caller, (id, endpoint, p256dh, auth), found) =
        confirm_and_read(session.confirm(app), asked, async |(id, ..)| app.store.push_subscription(user, *id).await)
            .await?;
    let once = request.once(app, "create-push-subscription", &user.to_string())?;
    let device = caller.session.device;
    let new = store::PushSubscription { id, endpoint, p256dh, auth, device, created_at: now };
    let answer = |kept: &store::PushSubscription| {
        json!(PushSubscriptionBody { id: kept.id, endpoint: &kept.endpoint, created_at: kept.created_at }).to_string()
    };
    let mut guards = Guards { meters: Vec::new(), once, answer: String::new(), now };
    match app.store.subscribe(&caller.claim, &new, found, answer, &mut guards).await? {
        store::Subscribed::Done => Ok(Reply::created(guards.answer)),
        store::Subscribed::TooMany => Err(NotificationsError::TooManySubscriptions),
        store::Subscribed::Stopped(stopped) => Ok(Reply::stopped(stopped)?),
    }
}

shared::lambda!(handle, sessions);
