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
    let scope = format!("blocked users {user}");
    let (presented, (size, after)) = presented.asks(app, page(app, request, &scope)).await?;

    let (_, page) = try_join!(
        TrustedCaller::of(app, presented).map_err(PrivateError::from),
        app.store.blocks(user, after, size).err_into(),
    )?;
    let names = app.store.usernames(page.items.iter().map(|block| block.blocked)).await?;
    let listed = page.items.iter().map(|block| Listed {
        id: block.blocked,
        username: names.iter().find(|(id, _)| *id == block.blocked).map(|(_, name)| name),
        blocked_at: block.blocked_at,
    });
    let cursor = |last: &store::Block| app.tokens.sign(Purpose::Cursor, scope.as_bytes(), last.blocked.as_bytes());
    let data = json!({ "users": listed.collect::<Vec<_>>(), "nextCursor": page.next(cursor) });
    Ok(Reply::processed(&data, request.now()))
}

fn page(app: &App, request: &Request, scope: &str) -> Result<(PageSize, Option<UserId>), PrivateError> {
    let size = request.query_as("limit")?.unwrap_or(PageSize::MAX);
    Ok((size, request.cursor(app, scope.as_bytes())?.map(UserId::from_bytes)))
}

shared::lambda!(handle, sessions);
