//! `POST /api/auth/reset-password`: a mailed code sets a new password; every session ends.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    app.limits.admit(&app.tokens, Limit::Codes, request.client(), "reset", now)?;
    let NewPassword { email, code, new_password } = request.json()?;
    let address = app.tokens.email_hash(&email);
    let code = OneTimeCode::new(&app.tokens, CodeFor::NewPassword(&address), code.as_str());

    let meter = Limit::ResetCodes.meter(&app.store, &app.tokens, Counted::Everyone, address.as_str(), now);
    let (holder, meter) = try_join!(app.store.email_claim(&address), meter)?;
    let mut tries = Tries::count(&app.store, vec![meter], now).await??;
    let is_right = app.store.try_code(&code, now).await?;
    let holder = holder.filter(|_| is_right).ok_or(AccountsError::WrongCode)?;
    let new = SecretHash::of(new_password.as_str()).await;
    if !app.store.reset_password(&holder, &new, &code, now).await? {
        return Err(AccountsError::WrongCode);
    }
    tries.uncount(&app.store).await;
    Ok(Reply::ok(&Done::because(PasswordReset)).metered(tries.meters(), now))
}

shared::lambda!(handle);
