//! `GET /api/auth/session`: who is signed in; `{}` when nobody is.

use shared::{auth::NotACaller, prelude::*};

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = match Caller::of(app, request).await {
        Ok(caller) => caller,
        Err(NotACaller::Failed(error)) => return Err(error.into()),
        Err(_) => return Ok(Reply::ok(&json!({}))),
    };
    Ok(match app.store.account(caller.user()).await? {
        Some(account) => Reply::ok(&json!({
            "user": UserBody::of(&account, &caller.claim),
            "expires": caller.session.expires_at,
        })),
        None => Reply::ok(&json!({})),
    })
}

shared::lambda!(handle, sessions);
