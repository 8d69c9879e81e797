//! `POST /api/auth/forgot-password`: mails a code for a new password. The answer is the same, and as late, for an address that
//! nobody has.

use std::time::{Duration, Instant};

use shared::prelude::*;

/// When everyone is answered. A mail that was not accepted by then is not waited for: the time would tell.
const ANSWERS_AFTER: Duration = Duration::from_secs(2);

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let (started, now) = (Instant::now(), request.now());
    let Address { email } = request.json()?;
    let address = app.tokens.email_hash(&email);
    let (holder, taken) = join!(app.store.email_claim(&address), app.limits.take(Limit::Codes, "forgot"));
    taken?;
    let is_for = CodeFor::NewPassword(&address);
    if let Some(holder) = holder?
        && may_mail_code(app, &is_for, &holder.email).await
    {
        let patience = ANSWERS_AFTER.saturating_sub(started.elapsed());
        mail_counted_code(app, is_for, &holder.email, EmailMessage::new_password, now, patience).await;
    }
    Ok(Reply::ok(&Done::because(CodeSentIfKnown)).not_before(started + ANSWERS_AFTER).await)
}

shared::lambda!(handle, mail);
