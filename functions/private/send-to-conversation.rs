//! `PATCH /message/send/{id}`: the signed-in user writes to a conversation that there is.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let to = request.path("id").map(Recipient::Conversation).ok_or(PrivateError::BadId("conversationId"));
    match Outgoing::open(app, request, Creation::PrivateMessageInConversation, to).await? {
        Begun::New(outgoing) => outgoing.send().await,
        Begun::Replay(first_answer) => Ok(first_answer),
    }
}

shared::lambda!(handle, sessions);
