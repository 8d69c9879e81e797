//! `DELETE /conversations/{conversationId}/messages/{messageId}`: the sender takes a message back. Others still see
//! that there was a message. Its text and media are removed.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let (_, (conversation, _), (own, message)) = confirm_and_read(
        session.confirm_trusted_within(app, Limit::PrivateDeletions),
        named(request),
        async |(conversation, id)| {
            try_join!(app.store.participant(user, *conversation), app.store.private_message(*conversation, *id))
        },
    )
    .await?;
    let own = own.filter(store::Participant::has_begun).ok_or(PrivateError::NotAMember)?;
    let message = message.ok_or(PrivateError::MessageNotFound)?;
    if message.sender != user {
        return Err(PrivateError::NotTheSender);
    }
    let set = message.assets();
    let (message, theirs) = try_join!(
        app.store.delete_private_message(message, own.partner, request.now()),
        app.store.participant(own.partner, conversation),
    )?;
    if let Some(set) = set {
        discard(app, conversation, set).await;
    }
    let participants = store::Participants { user, own: &own, theirs: theirs.as_ref() };
    Ok(Reply::processed(&PrivateMessageBody::of(&message, &[], participants.reader_of(&message)), request.now()))
}

fn named(request: &Request) -> Result<(ConversationId, PrivateMessageId), PrivateError> {
    let conversation = request.path("conversationId").ok_or(PrivateError::BadId("conversationId"))?;
    Ok((conversation, request.path("messageId").ok_or(PrivateError::BadId("messageId"))?))
}

/// Removes the media of the message. Where this fails, the worker does it later.
async fn discard(app: &App, conversation: ConversationId, set: AssetSet) {
    let removed = async {
        app.attachments.remove(conversation, set).await?;
        app.store.release_assets(conversation, set).await
    };
    if let Err(error) = removed.await {
        app.store.record_degradation(&error);
    }
}

shared::lambda!(handle, sessions);
