//! `POST /users/{userId}/block`: once this answers, neither user can write to the other.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let user = TrustedCaller::within(app, request, Limit::UserBlocks).await?.user();
    let other: UserId = request.path("userId").ok_or(PrivateError::BadId("userId"))?;
    if other == user {
        return Err(PrivateError::ToSelf);
    }

    let conversation = app.tokens.conversation_of(user, other);
    if !app.store.block(user, other, conversation, request.now()).await? {
        return Err(PrivateError::UserNotFound);
    }
    Ok(Reply::processed(&BlockBody { user_id: other, blocked: true }, request.now()))
}

shared::lambda!(handle, sessions);
