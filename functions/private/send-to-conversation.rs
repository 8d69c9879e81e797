//! `PATCH /message/send/{conversationId}`: the signed-in user writes to a conversation that there is.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let presented = Presented::by(app, request)?;
    let conversation: ConversationId = request.path("conversationId").ok_or(PrivateError::BadId("conversationId"))?;

    let outgoing = match Outgoing::open(app, request, presented, conversation, "send-to-conversation").await? {
        Opened::New(outgoing) => outgoing,
        Opened::Repeated(reply) => return Ok(reply),
    };
    let recipient = outgoing.partner().ok_or(PrivateError::NotAMember)?;
    outgoing.send_to(recipient).await
}

shared::lambda!(handle, sessions);
