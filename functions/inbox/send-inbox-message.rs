//! `POST /api/send-message`: anyone writes to an inbox. Nothing about who it was is kept but what a block would need, sealed.

use shared::prelude::*;

enum Sent {
    Now(String),
    Before(store::Repeat),
    /// The store failed to say.
    Perhaps(StoreError),
}

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    let gate = app.limits.admit(&app.tokens, Limit::AllInboxes, request.client(), "", now)?;
    let NewInboxMessage { username, content } = request.json()?;
    let username = Username::parse(&username).map_err(|_| AccountsError::UserNotFound)?;
    let once = request.once(app, "send-inbox-message", username.as_str())?;
    let keys = app.sender_keys(now).await?;
    let sender = keys.sender(&app.tokens, &username, request.client());

    // Before anything is counted: a repeat takes nothing, not even for a moment. Without a key this is no call.
    if let Some(repeat) = app.store.repeat(once.as_ref()).await? {
        return Ok(Reply::repeated(repeat)?);
    }
    let (hit, claim, is_sender_blocked) = join!(
        gate.hit(&app.store, Limit::InboxMessages, username.as_str(), now),
        app.store.username_claim(&username),
        app.store.is_sender_blocked(&username, &sender, now),
    );
    let send = async {
        if let Err(too_many) = &hit {
            // What fills the window may be the very requests that this one repeats.
            let repeat = app.store.late_repeat(once.as_ref()).await?;
            return repeat.map(Sent::Before).ok_or_else(|| (*too_many).into());
        }
        let is_active = |claim: &UsernameClaim| claim.username == username && claim.status == AccountStatus::Active;
        let claim = claim?.filter(is_active).ok_or(AccountsError::UserNotFound)?;
        if !claim.is_accepting {
            return Err(AccountsError::NotAccepting);
        }
        let id = InboxMessageId::new(now, random());
        let message = InboxMessage { id, content, sealed_sender: keys.seal(&app.tokens, &sender, id) };
        let answer = json!(Done::because(MessageSent)).to_string();
        let mut guards = Guards { meters: Vec::new(), once, answer, now };
        Ok(match app.store.deliver(&claim, message, is_sender_blocked?, &mut guards).await {
            Ok(store::Delivery::Done) => Sent::Now(guards.answer),
            Ok(store::Delivery::Repeated(repeat)) => Sent::Before(repeat),
            Err(error) => Sent::Perhaps(error),
        })
    };
    let sent: Result<Sent, AccountsError> = send.await;
    let hit = hit.ok().flatten();
    match (&hit, &sent) {
        (Some(hit), Ok(Sent::Now(_) | Sent::Perhaps(_))) => app.store.tidy_hits(hit).await,
        (Some(hit), Ok(Sent::Before(_)) | Err(_)) => app.store.take_back_hit(hit).await,
        (None, _) => {}
    }
    match sent? {
        Sent::Now(answer) => Ok(Reply::created(answer).gauged(hit.iter().flat_map(store::Hits::gauges))),
        Sent::Before(repeat) => Ok(Reply::repeated(repeat)?),
        Sent::Perhaps(error) => Err(error.into()),
    }
}

shared::lambda!(handle, senders);
