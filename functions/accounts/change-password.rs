//! `POST /api/auth/change-password`: the signed-in user sets another password; every other session ends.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::of(app, request).await?;
    let PasswordChange { current_password, new_password } = request.json()?;
    let (account, mut tries) = caller.prove(app, &current_password, request.now()).await?;

    let new = SecretHash::of(new_password.as_str()).await;
    let kept = (caller.session.device, caller.session.id);
    let (changed, ()) =
        join!(app.store.change_password(&caller.claim, &account.password_hash, &new, kept), tries.uncount(&app.store),);
    // Another change came first: what was the password is one no more.
    if !changed? {
        return Err(AccountsError::WrongPassword);
    }
    let reply = Reply::ok(&Done::because(PasswordChanged));
    Ok(reply.metered(tries.meters(), request.now()))
}

shared::lambda!(handle, sessions);
