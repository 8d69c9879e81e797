//! `PATCH /message/send/{id}`: the signed-in user writes to a conversation that there is.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let conversation = request.path("id").ok_or(PrivateError::BadId("conversationId"));
    let (presented, conversation): (_, ConversationId) =
        UnverifiedSession::by(app, request)?.asks(app, conversation).await?;

    let outgoing = match Outgoing::open(app, request, presented, conversation, None, "send-to-conversation").await? {
        Opened::New(outgoing) => outgoing,
        Opened::Repeated(reply) => return Ok(reply),
    };
    let recipient = outgoing.partner().ok_or(PrivateError::NotAMember)?;
    outgoing.send_to(recipient).await
}

shared::lambda!(handle, sessions);
