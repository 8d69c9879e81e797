//! `DELETE /conversations/{conversationId}/messages/{messageId}`: the sender takes a message back. That there was one stays to be
//! seen; what it said and showed goes.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let (presented, (conversation, id)) = Presented::by(app, request)?.asks(app, named(request)).await?;
    let user = presented.user();

    let (_, own, message) = try_join!(
        TrustedCaller::of(app, presented).map_err(PrivateError::from),
        app.store.side(user, conversation).err_into(),
        app.store.private_message(conversation, id).err_into(),
    )?;
    let own = own.filter(store::Side::has_begun).ok_or(PrivateError::NotAMember)?;
    let message = message.ok_or(PrivateError::MessageNotFound)?;
    if message.sender != user {
        return Err(PrivateError::NotTheSender);
    }
    let set = message.assets();
    let (message, theirs) = try_join!(
        app.store.delete_private_message(message, request.now()),
        app.store.side(own.partner, conversation),
    )?;
    if let Some(set) = set {
        discard(app, conversation, set).await;
    }
    let sides = store::Sides { user, own: &own, theirs: theirs.as_ref() };
    Ok(Reply::processed(&PrivateMessageBody::of(&message, &[], sides.reader_of(&message)), request.now()))
}

fn named(request: &Request) -> Result<(ConversationId, PrivateMessageId), PrivateError> {
    let conversation = request.path("conversationId").ok_or(PrivateError::BadId("conversationId"))?;
    Ok((conversation, request.path("messageId").ok_or(PrivateError::BadId("messageId"))?))
}

/// Removes what the message showed. Where this fails, the worker does it later.
async fn discard(app: &App, conversation: ConversationId, set: AssetSet) {
    let removed = async {
        app.attachments.remove(conversation, set).await?;
        app.store.forget_assets(conversation, set).await
    };
    if let Err(error) = removed.await {
        app.store.degrade(&error);
    }
}

shared::lambda!(handle, sessions);
