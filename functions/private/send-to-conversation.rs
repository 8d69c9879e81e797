//! `PATCH /message/send/{id}`: the signed-in user writes to a conversation that there is.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let conversation = request.path("id").ok_or(PrivateError::BadId("conversationId"));
    let (presented, conversation): (_, ConversationId) =
        UnverifiedSession::by(app, request)?.asks(app, conversation).await?;

    let creation = Creation::PrivateMessageInConversation;
    let outgoing = match Outgoing::open(app, request, presented, conversation, None, creation).await? {
        Ok(outgoing) => outgoing,
        Err(first_answer) => return Ok(first_answer),
    };
    let recipient = outgoing.partner().ok_or(PrivateError::NotAMember)?;
    outgoing.send_to(recipient).await
}

shared::lambda!(handle, sessions);
