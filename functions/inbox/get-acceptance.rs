//! `GET /api/accept-messages`: whether the signed-in user takes messages.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::of(app, request).await?;
    Ok(Reply::ok(&AcceptanceBody { success: True, is_accepting_messages: caller.claim.is_accepting }))
}

shared::lambda!(handle, sessions);
