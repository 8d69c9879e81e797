//! `POST /api/accept-messages`: the signed-in user opens or closes the inbox. Once this answers, every send sees it.

use shared::prelude::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Acceptance {
    accept_message: bool,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::within(app, request, Limit::Settings).await?;
    let Acceptance { accept_message } = request.json()?;

    if !app.store.set_accepting(&caller.claim.username, caller.user(), accept_message).await? {
        return Err(AccountsError::UserNotFound);
    }
    let message = "User's isAcceptingMessages status updated successfully.";
    Ok(Reply::ok(&json!({ "success": true, "message": message })))
}

shared::lambda!(handle, sessions);
