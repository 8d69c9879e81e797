//! `POST /message/send/{id}`: the signed-in user writes to another one. The first message begins their conversation.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let to = request.path("id").map(Recipient::User).ok_or(PrivateError::BadId("userId"));
    match Outgoing::open(app, request, Creation::PrivateMessageToUser, to).await? {
        Begun::New(outgoing) => outgoing.send().await,
        Begun::Replay(first_answer) => Ok(first_answer),
    }
}

shared::lambda!(handle, sessions);
