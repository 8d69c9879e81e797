//! `GET /api/auth/session`: who is signed in; `{}` when nobody is.

use shared::{auth::NotACaller, prelude::*};

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = match Caller::of(app, request).await {
        Ok(caller) => caller,
        Err(NotACaller::Failed(error)) => return Err(error.into()),
        Err(_) => return Ok(Reply::ok(&SessionBody::SignedOut {})),
    };
    Ok(match app.store.account(caller.user()).await? {
        Some(account) => Reply::ok(&SessionBody::SignedIn {
            user: UserBody::of(&account, &caller.claim),
            expires: caller.session.expires_at,
        }),
        None => Reply::ok(&SessionBody::SignedOut {}),
    })
}

shared::lambda!(handle, sessions);
