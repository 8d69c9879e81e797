//! `POST /api/messages/{id}/report`: the signed-in user shows a message to those who run Sotto.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::within(app, request, Limit::Reports).await?;
    let id = request.path("id").ok_or(AccountsError::MessageNotFound)?;

    if !app.store.report(caller.user(), id, request.now()).await? {
        return Err(AccountsError::MessageNotFound);
    }
    Ok(Reply::ok(&Done::because(MessageReported)))
}

shared::lambda!(handle, sessions);
