//! `PATCH /api/delete-message`, `DELETE /api/delete-message`: the signed-in user removes a message from the inbox.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::within(app, request, Limit::InboxChanges).await?;
    let id = request.query("messageId").filter(|id| !id.is_empty()).ok_or(AccountsError::MessageIdMissing)?;
    let id = InboxMessageId::parse(&id).map_err(|invalid| Problem::bad_request(format!("messageId {invalid}")))?;

    let user = caller.user();
    let (account, ()) = try_join!(app.store.account(user), app.store.delete_inbox_message(user, id))?;
    let account = account.ok_or(AccountsError::UserNotFound)?;
    let first = Pagination::first("inbox", user);
    let page = app.store.inbox(user, first.after, first.size).await?;
    let next_cursor = first.next_cursor(&app.tokens, page.next(|last| last.id));
    let page = InboxPageBody::of(page, next_cursor);
    let after = UserWithMessagesBody { user: UserBody::of(&account, &caller.claim), page };
    Ok(Reply::json(StatusCode::CREATED, &DoneWith::new(MessageDeleted, after)))
}

shared::lambda!(handle, sessions);
