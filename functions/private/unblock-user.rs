//! `DELETE /users/{userId}/block`: takes a block back. The answer is the same when there is no block.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let user = TrustedCaller::within(app, request, Limit::UserBlocks).await?.user();
    let other: UserId = request.path("userId").ok_or(PrivateError::BadId("userId"))?;

    app.store.unblock(user, other, app.tokens.conversation_of(user, other)).await?;
    Ok(Reply::processed(&BlockBody { user_id: other, blocked: false }, request.now()))
}

shared::lambda!(handle, sessions);
