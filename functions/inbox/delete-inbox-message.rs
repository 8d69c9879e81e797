//! `PATCH /api/delete-message`, `DELETE /api/delete-message`: the signed-in user removes a message from the inbox.

use shared::prelude::*;

/// The user after the deletion.
#[derive(Serialize)]
struct After<'a> {
    #[serde(flatten)]
    user: UserBody<'a>,
    #[serde(flatten)]
    page: InboxBody,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::within(app, request, Limit::InboxChanges).await?;
    let id = request.query("messageId").filter(|id| !id.is_empty()).ok_or(AccountsError::MessageIdMissing)?;
    let id = InboxMessageId::parse(&id).map_err(|invalid| Problem::bad_request(format!("messageId {invalid}")))?;

    let user = caller.user();
    let (account, ()) = try_join!(app.store.account(user), app.store.delete_inbox_message(user, id))?;
    let account = account.ok_or(AccountsError::UserNotFound)?;
    let first = Pagination::first("inbox", user);
    let page = app.store.inbox(user, first.after, first.size).await?;
    let after = After { user: UserBody::of(&account, &caller.claim), page: InboxBody::of(page, &first, &app.tokens) };
    let body = json!({ "success": true, "message": "Message Deleted Successfully", "data": after });
    Ok(Reply::created(body.to_string()))
}

shared::lambda!(handle, sessions);
