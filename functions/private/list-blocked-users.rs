//! `GET /users/blocked`: whom the signed-in user has blocked.

use shared::prelude::*;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    #[serde(rename = "_id")]
    id: UserId,
    /// None when the account is gone.
    username: Option<&'a Username>,
    blocked_at: Timestamp,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let asked = Pagination::of(app, request, "blocked users", user).map_err(PrivateError::from);
    let (_, pagination, page) = confirm_and_read(session.confirm_trusted(app), asked, async |asked| {
        app.store.blocks(user, asked.after, asked.size).await
    })
    .await?;
    let names = app.store.usernames(page.items.iter().map(|block| block.blocked)).await?;
    let listed = page.items.iter().map(|block| Listed {
        id: block.blocked,
        username: names.iter().find(|(id, _)| *id == block.blocked).map(|(_, name)| name),
        blocked_at: block.blocked_at,
    });
    let next = pagination.next_cursor(&app.tokens, page.next(|last| last.blocked));
    let data = json!({ "users": listed.collect::<Vec<_>>(), "nextCursor": next });
    Ok(Reply::processed(&data, request.now()))
}

shared::lambda!(handle, sessions);
