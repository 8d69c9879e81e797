//! `GET /conversations/{conversationId}/messages`: the messages of a conversation, newest first, to one of its two users.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let page = page(app, request);
    let (presented, (conversation, size, before)) = UnverifiedSession::by(app, request)?.asks(app, page).await?;
    let user = presented.user();

    let (_, own, page) = try_join!(
        TrustedCaller::of(app, presented).map_err(PrivateError::from),
        app.store.participant(user, conversation).err_into(),
        app.store.private_messages(conversation, before, size).err_into(),
    )?;
    let own = own.filter(store::Participant::has_begun).ok_or(PrivateError::NotAMember)?;
    let theirs = app.store.participant(own.partner, conversation).await?;
    let participants = store::Participants { user, own: &own, theirs: theirs.as_ref() };

    let mut messages = Vec::with_capacity(page.items.len());
    for message in &page.items {
        let urls = app.attachments.urls(&message.media, conversation).await?;
        messages.push(PrivateMessageBody::of(message, &urls, participants.reader_of(message)));
    }
    let cursor = |last: &PrivateMessage| app.tokens.sign(Purpose::Cursor, conversation.as_bytes(), last.id.as_bytes());
    let data = json!({ "messages": messages, "nextCursor": page.next(cursor) });
    Ok(Reply::processed(&data, request.now()))
}

fn page(app: &App, request: &Request) -> Result<(ConversationId, PageSize, Option<PrivateMessageId>), PrivateError> {
    let conversation: ConversationId = request.path("conversationId").ok_or(PrivateError::BadId("conversationId"))?;
    let size = request.query_as("limit")?.unwrap_or(PageSize::MAX);
    let before = request.cursor(app, conversation.as_bytes())?.map(PrivateMessageId::from_bytes);
    Ok((conversation, size, before))
}

shared::lambda!(handle, sessions);
