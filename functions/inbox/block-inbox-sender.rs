//! `POST /api/messages/{id}/block-sender`: everything that the sender of this message writes from now on vanishes.
//! Neither the recipient nor we learn the sender's name.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::within(app, request, Limit::InboxChanges).await?;
    let id = request.path("id").ok_or(AccountsError::MessageNotFound)?;

    let keys = app.sender_keys(request.now()).await?;
    let message = app.store.inbox_message(caller.user(), id).await?.ok_or(AccountsError::MessageNotFound)?;
    let sender = keys.open(&app.tokens, &message).ok_or(AccountsError::SenderForgotten)?;
    app.store.block_sender(&caller.claim.username, &sender.name, sender.ends_at).await?;
    Ok(Reply::ok(&BlockedSenderBody::until(sender.ends_at)))
}

shared::lambda!(handle, sessions, senders);
