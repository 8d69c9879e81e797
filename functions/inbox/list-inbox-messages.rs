//! `GET /api/get-messages`: the signed-in user reads the inbox, newest first.

use shared::prelude::*;

#[derive(Serialize)]
struct Inbox {
    success: bool,
    #[serde(flatten)]
    page: InboxBody,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::of(app, request).await?;
    let pagination = Pagination::of(app, request, "inbox", caller.user())?;

    let page = app.store.inbox(caller.user(), pagination.after, pagination.size).await?;
    Ok(Reply::ok(&Inbox { success: true, page: InboxBody::of(page, &pagination, &app.tokens) }))
}

shared::lambda!(handle, sessions);
