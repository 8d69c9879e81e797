//! `POST /api/auth/sign-out`: ends the session, in the store and in the browser.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let Caller { session, .. } = Caller::within(app, request, Limit::Sessions).await?;
    app.store.sign_out(session.user, session.device, session.id).await?;
    Ok(end_session(app, request, Reply::ok(&Done::because(SignedOut))))
}

shared::lambda!(handle, sessions);
