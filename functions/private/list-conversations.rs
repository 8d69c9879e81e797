//! `GET /conversations`: the signed-in user's conversations, newest activity first.

use shared::prelude::*;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    #[serde(rename = "_id")]
    id: ConversationId,
    partner: Partner<'a>,
    last_message: Option<PrivateMessageBody<'a>>,
    unread_count: u64,
}

#[derive(Serialize)]
struct Partner<'a> {
    #[serde(rename = "_id")]
    id: UserId,
    /// None when the account is gone.
    username: Option<&'a Username>,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let presented = UnverifiedSession::by(app, request)?;
    let user = presented.user();
    let scope = format!("conversations {user}");
    let (presented, (size, before)) = presented.asks(app, page(app, request, &scope)).await?;

    let (_, page) = try_join!(
        TrustedCaller::of(app, presented).map_err(PrivateError::from),
        app.store.conversations(user, before, size).err_into(),
    )?;
    let cursor =
        |last: &store::Participant| Some(app.tokens.sign(Purpose::Cursor, scope.as_bytes(), last.last_id?.as_bytes()));
    let next = page.next(cursor).flatten();
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
        let partner = Partner { id: participant.partner, username: partner_name.as_ref() };
        listed.push(Listed { id: participant.conversation, partner, last_message, unread_count: participant.unread() });
    }
    let data = json!({ "conversations": listed, "nextCursor": next });
    Ok(Reply::processed(&data, request.now()))
}

fn page(app: &App, request: &Request, scope: &str) -> Result<(PageSize, Option<PrivateMessageId>), PrivateError> {
    let size = request.query_as("limit")?.unwrap_or(PageSize::MAX);
    Ok((size, request.cursor(app, scope.as_bytes())?.map(PrivateMessageId::from_bytes)))
}

shared::lambda!(handle, sessions);
