//! Codes that go out by mail.

use std::time::Duration;

use crate::{
    app::App,
    limits::{Denied, Limit},
    mail::EmailMessage,
    store::{CodeFor, OneTimeCode, StoreError, WriteContext, Written},
    tokens::random,
    types::{Code, Email, Timestamp},
};

/// How long a request waits for a mail that it does not depend on. This is well within every function's time-out.
pub const MAIL_PATIENCE: Duration = Duration::from_secs(8);

/// The mail service says that there can't be such an address.
pub struct BadAddress;

/// Makes a code and mails it, or nothing of both: a code that nobody was told of is none. A replay gets its answer only once the mail
/// is sent. If the mail service refuses the address for good, the code stays counted.
pub async fn mail_code(
    app: &App,
    is_for: CodeFor<'_>,
    to: &Email,
    email: fn(Code) -> EmailMessage,
    answer: String,
    context: &mut WriteContext,
) -> Result<Written<BadAddress>, StoreError> {
    let code = Code::generate(random());
    let kept = OneTimeCode::new(&app.tokens, is_for, code.as_str());
    let written = app.store.issue_code(&kept, to, answer, context).await?.refused_as(|never| match never {});
    let Written::Done(_) = written else { return Ok(written) };
    match app.mailer().send(to, &email(code)).await {
        Ok(()) => {}
        Err(error) if error.is_bad_address => {
            app.store.record_degradation(&error.cause);
            app.store.revoke_code(&kept, context).await?;
            app.limits.count_anyway();
            return Ok(Written::Refused(BadAddress));
        }
        Err(error) => {
            app.store.withdraw_code(&kept, context).await?;
            return Err(error.cause);
        }
    }
    // It is sent, and whoever is told of a failure would have another one sent.
    if let Some(record) = &context.record
        && let Err(error) = app.store.settle(record).await
    {
        app.store.record_degradation(&error);
    }
    Ok(written)
}

/// Counts a code for a request that succeeds with and without it. `false`: the address got its codes, and gets no more for now.
pub async fn may_mail_code(app: &App, is_for: &CodeFor<'_>, to: &Email) -> bool {
    match app.limits.take_untold(Limit::CodesToAddress, codes_to(app, is_for, to)).await {
        Ok(()) => true,
        Err(Denied::OverLimit(_)) => false,
        Err(Denied::Failed(error)) => {
            app.store.record_degradation(&error);
            false
        }
    }
}

/// Mails a code that [`may_mail_code`] has counted. What fails, or is not over after `patience`, is left to the log.
pub async fn mail_counted_code(
    app: &App,
    is_for: CodeFor<'_>,
    to: &Email,
    email: fn(Code) -> EmailMessage,
    now: Timestamp,
    patience: Duration,
) {
    let mut context = WriteContext::without_answer(now);
    let mail = mail_code(app, is_for, to, email, String::new(), &mut context);
    match tokio::time::timeout(patience, mail).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            app.store.record_degradation(&error);
            app.limits.refund(Limit::CodesToAddress).await;
        }
        Err(_) => app.store.record_degradation(&StoreError::Late("a code was not mailed in time")),
    }
}

/// What codes are counted by: their purpose and the mailbox. Upper and lower case in the address make no difference.
pub fn codes_to(app: &App, is_for: &CodeFor<'_>, to: &Email) -> String {
    format!("{} {}", is_for.purpose(), app.tokens.email_hash(to).as_str())
}
