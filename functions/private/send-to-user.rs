//! `POST /message/send/{id}`: the signed-in user writes to another one. The first message begins their conversation.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let recipient = request.path("id").ok_or(PrivateError::BadId("userId"));
    let (presented, recipient): (_, UserId) = UnverifiedSession::by(app, request)?.asks(app, recipient).await?;
    let conversation = app.tokens.conversation_of(presented.user(), recipient);

    let creation = Creation::PrivateMessageToUser;
    let outgoing = match Outgoing::open(app, request, presented, conversation, Some(recipient), creation).await? {
        Ok(outgoing) => outgoing,
        Err(first_answer) => return Ok(first_answer),
    };
    if recipient == outgoing.sender() {
        return Err(PrivateError::ToSelf);
    }
    outgoing.send_to(recipient).await
}

shared::lambda!(handle, sessions);
