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
    let presented = UnverifiedSession::by(app, request)?;
    let user = presented.user();
    let asked = Pagination::of(app, request, "blocked users", user).map_err(PrivateError::from);
    let (presented, pagination) = presented.asks(app, asked).await?;

    let (_, page) = try_join!(
        TrustedCaller::of(app, presented).map_err(PrivateError::from),
        app.store.blocks(user, pagination.after, pagination.size).err_into(),
    )?;
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
