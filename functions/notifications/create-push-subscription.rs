//! `POST /api/v1/push/subscriptions`: keeps the address at which a browser of the signed-in user takes pushes. The
//! same address again renews the subscription. It belongs to the caller's device: after a sign-out there, nothing is
//! sent to it. If another user had that address, it is the caller's from now on.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, NotificationsError> {
    let now = request.now();
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let scope = user.to_string();
    let targets = [scope.as_str()];

    let asked = request.json::<BrowserSubscription>().map_err(NotificationsError::from);
    let begin = async |(endpoint, ..): &(PushEndpoint, PushKey, PushSecret)| {
        let known = app.store.push_endpoint(user, app.tokens.push_subscription_of(endpoint));
        let begin = NewRequest::begin(app, request, Creation::PushSubscription, &scope, &targets);
        let (begun, known) = join!(begin, known);
        Ok::<_, Problem>((begun?, known))
    };
    let asked = asked.map(BrowserSubscription::into_parts);
    let (caller, (endpoint, p256dh, auth), (begun, known)) =
        confirm_and_read(session.confirm(app), asked, begin).await?;
    let mut new = match begun {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };

    let id = app.tokens.push_subscription_of(&endpoint);
    let device = caller.session.device;
    let subscription =
        store::PushSubscription { id, endpoint, p256dh, auth, device, created_at: now, rests_until: None, failures: 0 };
    let answer = |kept: &store::PushSubscription| {
        json!(PushSubscriptionBody { id: kept.id, endpoint: &kept.endpoint, created_at: kept.created_at }).to_string()
    };
    let written = app.store.subscribe(&caller.claim, &subscription, known?, answer, &mut new.context).await;
    new.finish(app, written, |store::TooManySubscriptions| NotificationsError::TooManySubscriptions).await
}

shared::lambda!(handle, sessions);
