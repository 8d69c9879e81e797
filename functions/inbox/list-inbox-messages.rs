//! `GET /api/get-messages`: the signed-in user reads the inbox, newest first.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::of(app, request).await?;
    let pagination = Pagination::of(app, request, "inbox", caller.user())?;

    let page = app.store.inbox(caller.user(), pagination.after, pagination.size).await?;
    let next_cursor = pagination.next_cursor(&app.tokens, page.next(|last| last.id));
    Ok(Reply::ok(&InboxBody { success: True, page: InboxPageBody::of(page, next_cursor) }))
}

shared::lambda!(handle, sessions);
