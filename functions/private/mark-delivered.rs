//! `POST /conversations/{conversationId}/delivered`: everything up to a message is delivered to the signed-in user.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    mark_upto(app, request, Mark::Delivered).await
}

shared::lambda!(handle, sessions);
