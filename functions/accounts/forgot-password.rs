//! `POST /api/auth/forgot-password`: mails a code for a new password. The answer is the same, and as late, for an address that
//! nobody has.

use std::time::{Duration, Instant};

use shared::prelude::*;

#[derive(Deserialize)]
struct Forgot {
    email: Email,
}

/// Longer than a mail takes to be accepted, but for one in a hundred.
const ANSWERS_AFTER: Duration = Duration::from_millis(500);

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let (started, now) = (Instant::now(), request.now());
    let gate = app.limits.admit(&app.tokens, Limit::Codes, request.client(), "forgot", now)?;
    let Forgot { email } = request.json()?;
    let address = app.tokens.email_hash(&email);
    let (holder, by_client) =
        try_join!(app.store.email_claim(&address), Tries::count(&app.store, vec![gate.blank()], now),)?;
    let by_client = by_client?;
    if holder.is_some() {
        mail_code_if_possible(app, CodeFor::NewPassword(&address), &email, Letter::new_password, now).await;
    }
    let message = "If there is an account with this address, a code is on its way to it";
    let reply = Reply::ok(&json!({ "success": true, "message": message })).metered(by_client.meters(), now);
    Ok(reply.not_before(started + ANSWERS_AFTER).await)
}

shared::lambda!(handle, mail);
