//! `POST /api/send-message`: anyone writes to an inbox. Nothing about who it was is kept but what a block would need, sealed.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    let NewInboxMessage { username, content } = request.json()?;
    let username = Username::parse(&username).map_err(|_| AccountsError::UserNotFound)?;
    let keys = app.sender_keys(now).await?;
    let sender = keys.sender(&app.tokens, &username, request.client());

    let name = username.as_str();
    let targets = [name];
    let (begun, claim, is_blocked) = join!(
        NewRequest::begin(app, request, Creation::InboxMessage, name, &targets),
        app.store.username_claim(&username),
        app.store.is_sender_blocked(&username, &sender, now),
    );
    let mut new = match begun? {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };
    let is_active = |claim: &UsernameClaim| claim.username == username && claim.status == AccountStatus::Active;
    let claim = claim?.filter(is_active).ok_or(AccountsError::UserNotFound)?;
    if !claim.is_accepting {
        return Err(AccountsError::NotAccepting);
    }
    let is_blocked = is_blocked?;

    let id = InboxMessageId::new(now, random());
    let message = InboxMessage { id, content, sealed_sender: keys.seal(&app.tokens, &sender, id) };
    let answer = json!(Done::because(MessageSent)).to_string();
    let written = app.store.deliver(&claim, message, is_blocked, answer, &mut new.context).await;
    new.finish(app, written, |never| match never {}).await
}

shared::lambda!(handle, senders);
