//! `POST /api/auth/change-password`: the signed-in user sets another password; every other session ends.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::of(app, request).await?.on_trusted_device()?;
    let PasswordChange { current_password, new_password } = request.json()?;
    let (account, attempt) = caller.prove(app, &current_password).await?;

    // Told at once, as others may wait for it.
    let (new, ()) = join!(SecretHash::of(new_password.as_str()), attempt.succeeded());
    let kept = (caller.session.device, caller.session.id);
    let changed = app.store.change_password(&caller.claim, &account.password_hash, &new, kept).await;
    // Another change came first: what was the password is one no more.
    if !changed? {
        return Err(AccountsError::WrongPassword);
    }
    Ok(Reply::ok(&Done::because(PasswordChanged)))
}

shared::lambda!(handle, sessions);
