//! `POST /api/auth/forgot-password`: mails a code for a new password. The answer is the same, and as late, for an address that
//! nobody has.

use std::time::{Duration, Instant};

use shared::prelude::*;

/// When everyone is answered. A mail that was not accepted by then is not waited for: the time would tell.
const ANSWERS_AFTER: Duration = Duration::from_secs(2);

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let (started, now) = (Instant::now(), request.now());
    let gate = app.limits.admit(&app.tokens, Limit::Codes, request.client(), "forgot", now)?;
    let Address { email } = request.json()?;
    let address = app.tokens.email_hash(&email);
    let (holder, meter) = try_join!(app.store.email_claim(&address), gate.meter(&app.store))?;
    let asked = Tries::count(&app.store, meter.into_iter().collect(), now).await??;
    if holder.is_some() {
        let (is_for, patience) = (CodeFor::NewPassword(&address), ANSWERS_AFTER.saturating_sub(started.elapsed()));
        mail_code_if_possible(app, is_for, &email, EmailMessage::new_password, now, patience).await;
    }
    let reply = Reply::ok(&Done::because(CodeSentIfKnown)).metered(asked.meters(), now);
    Ok(reply.not_before(started + ANSWERS_AFTER).await)
}

shared::lambda!(handle, mail);
