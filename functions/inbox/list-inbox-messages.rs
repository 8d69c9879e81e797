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
    let size = request.query_as("limit")?.unwrap_or(PageSize::MAX);
    let before = request.cursor(app, caller.user().as_bytes())?.map(InboxMessageId::from_bytes);

    let page = app.store.inbox(caller.user(), before, size).await?;
    Ok(Reply::ok(&Inbox { success: true, page: InboxBody::of(page, &app.tokens, caller.user()) }))
}

shared::lambda!(handle, sessions);
