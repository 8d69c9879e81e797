//! `GET /users/blocked`: whom the signed-in user has blocked.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PrivateError> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let asked = Pagination::of(app, request, "blocked users", user).map_err(PrivateError::from);
    let (_, pagination, page) = confirm_and_read(session.confirm_trusted(app), asked, async |asked| {
        app.store.blocks(user, asked.after, asked.size).await
    })
    .await?;
    let names = app.store.usernames(page.items.iter().map(|block| block.blocked)).await?;
    let listed = page.items.iter().map(|block| BlockedUserBody {
        id: block.blocked,
        username: names.iter().find(|(id, _)| *id == block.blocked).map(|(_, name)| name),
        blocked_at: block.blocked_at,
    });
    let next_cursor = pagination.next_cursor(&app.tokens, page.next(|last| last.blocked));
    let data = BlockedUsersBody { users: listed.collect(), next_cursor };
    Ok(Reply::processed(&data, request.now()))
}

shared::lambda!(handle, sessions);
