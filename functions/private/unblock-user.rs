//! `DELETE /users/{userId}/block`: takes a block back; the same answer when there is none.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let user = TrustedCaller::of(app, request).await?.user();
    let other: UserId = request.path("userId").ok_or(PrivateError::BadId("userId"))?;

    app.store.unblock(user, other, app.tokens.conversation_of(user, other)).await?;
    Ok(Reply::processed(&json!({ "userId": other, "blocked": false }), request.now()))
}

shared::lambda!(handle, sessions);
