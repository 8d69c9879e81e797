//! Marking how far a user has got in a conversation: the same whether messages were delivered or seen.

use futures_util::try_join;

use crate::{
    app::App,
    auth::{UnverifiedSession, confirm_and_read},
    bodies::{MarkedUptoBody, Upto},
    http::{PrivateError, Reply, Request},
    limits::Limit,
    store::{Mark, Participant},
    types::{ConversationId, PrivateMessageId},
};

/// Marks everything up to the message that the body names.
pub async fn mark_upto(app: &App, request: &Request, mark: Mark) -> Result<Reply, PrivateError> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let confirm = session.confirm_trusted_within(app, Limit::Marks);
    let (_, (conversation, id), (own, message)) =
        confirm_and_read(confirm, asked(request), async |(conversation, id)| {
            try_join!(app.store.participant(user, *conversation), app.store.private_message(*conversation, *id))
        })
        .await?;
    let own = own.filter(Participant::has_begun).ok_or(PrivateError::NotAMember)?;
    let message = message.ok_or(PrivateError::MessageNotFound)?;
    let marked = app.store.mark(user, own, &message, mark).await?.ok_or(PrivateError::NotAMember)?;
    let data = MarkedUptoBody { conversation_id: conversation, message_id: id, unread_count: marked.unread() };
    Ok(Reply::processed(&data, request.now()))
}

fn asked(request: &Request) -> Result<(ConversationId, PrivateMessageId), PrivateError> {
    let conversation = request.path("conversationId").ok_or(PrivateError::BadId("conversationId"))?;
    let Upto { message_id } = request.json()?;
    Ok((conversation, message_id))
}
