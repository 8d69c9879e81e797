//! `POST /api/auth/reset-password`: a mailed code sets a new password; every session ends.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    let NewPassword { email, code, new_password } = request.json()?;
    let address = app.tokens.email_hash(&email);
    let code = OneTimeCode::new(&app.tokens, CodeFor::NewPassword(&address), code.as_str());

    let limits = [(Limit::ResetCodes, address.as_str().to_owned())];
    let (holder, attempt) = join!(app.store.email_claim(&address), app.limits.attempt(&limits));
    let attempt = attempt?;
    check_code(attempt, app.store.try_code(&code, now).await?).await?;
    let holder = holder?.ok_or(AccountsError::WrongCode)?;
    let new = SecretHash::of(new_password.as_str()).await;
    if !app.store.reset_password(&holder, &new, &code, now).await? {
        return Err(AccountsError::WrongCode);
    }
    Ok(Reply::ok(&Done::because(PasswordReset)))
}

shared::lambda!(handle);
