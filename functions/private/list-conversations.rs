//! `GET /conversations`: the signed-in user's conversations, newest activity first.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let asked = Pagination::of(app, request, "conversations", user).map_err(PrivateError::from);
    let (_, pagination, page) = confirm_and_read(session.confirm_trusted(app), asked, async |asked| {
        app.store.conversations(user, asked.after, asked.size).await
    })
    .await?;
    let next = pagination.next_cursor(&app.tokens, page.next(|last| last.last_id).flatten());
    let previews = app.store.previews(user, page.items).await?;
    let mut listed = Vec::with_capacity(previews.len());
    for store::Preview { participant, last, partner_participant, partner_name } in &previews {
        let last_message = match last {
            Some(last) => {
                let urls = app.attachments.urls(&last.media, participant.conversation).await?;
                let participants = store::Participants { user, own: participant, theirs: partner_participant.as_ref() };
                Some(PrivateMessageBody::of(last, &urls, participants.reader_of(last)))
            }
            None => None,
        };
        let partner = PartnerBody { id: participant.partner, username: partner_name.as_ref() };
        listed.push(ConversationBody {
            id: participant.conversation,
            partner,
            last_message,
            unread_count: participant.unread(),
        });
    }
    let data = ConversationsBody { conversations: listed, next_cursor: next };
    Ok(Reply::processed(&data, request.now()))
}

shared::lambda!(handle, sessions);
