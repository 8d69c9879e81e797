//! `GET /conversations/{conversationId}/messages`: the messages of a conversation, newest first, to one of its two users.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let (_, (conversation, pagination), (own, page)) =
        confirm_and_read(session.confirm_trusted(app), asked(app, request), async |(conversation, pagination)| {
            try_join!(
                app.store.participant(user, *conversation),
                app.store.private_messages(*conversation, pagination.after, pagination.size),
            )
        })
        .await?;
    let own = own.filter(store::Participant::has_begun).ok_or(PrivateError::NotAMember)?;
    let theirs = app.store.participant(own.partner, conversation).await?;
    let participants = store::Participants { user, own: &own, theirs: theirs.as_ref() };

    let mut messages = Vec::with_capacity(page.items.len());
    for message in &page.items {
        let urls = app.attachments.urls(&message.media, conversation).await?;
        messages.push(PrivateMessageBody::of(message, &urls, participants.reader_of(message)));
    }
    let next_cursor = pagination.next_cursor(&app.tokens, page.next(|last| last.id));
    let data = PrivateMessagesBody { messages, next_cursor };
    Ok(Reply::processed(&data, request.now()))
}

fn asked(app: &App, request: &Request) -> Result<(ConversationId, Pagination<PrivateMessageId>), PrivateError> {
    let conversation = request.path("conversationId").ok_or(PrivateError::BadId("conversationId"))?;
    Ok((conversation, Pagination::of(app, request, "messages", conversation)?))
}

shared::lambda!(handle, sessions);
