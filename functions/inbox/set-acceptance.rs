//! `POST /api/accept-messages`: the signed-in user opens or closes the inbox. Once this answers, every send sees it.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::within(app, request, Limit::Settings).await?;
    let NewAcceptance { accept_message } = request.json()?;

    if !app.store.set_accepting(&caller.claim.username, caller.user(), accept_message).await? {
        return Err(AccountsError::UserNotFound);
    }
    Ok(Reply::ok(&Done::because(AcceptanceSet)))
}

shared::lambda!(handle, sessions);
