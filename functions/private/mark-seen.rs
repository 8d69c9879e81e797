//! `POST /conversations/{conversationId}/seen`: everything up to a message is seen by the signed-in user.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    mark_upto(app, request, Mark::Seen).await
}

shared::lambda!(handle, sessions);
