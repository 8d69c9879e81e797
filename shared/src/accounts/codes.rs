//! Codes that go out by mail.

use std::time::Duration;

use crate::{
    app::App,
    limits::{Counted, Limit},
    mail::EmailMessage,
    store::{CodeFor, Guards, OneTimeCode, Stopped, StoreError},
    tokens::random,
    types::{Code, Email, Timestamp},
};

/// How long a request waits for a mail that it does not depend on. This is well within every function's time-out.
pub const MAIL_PATIENCE: Duration = Duration::from_secs(8);

/// Makes a code, counts it and mails it. If the mail can't be sent, the code and its count are taken back. A replay
/// gets its answer only once the mail is sent.
pub async fn mail_code(
    app: &App,
    is_for: CodeFor<'_>,
    to: &Email,
    email: fn(Code) -> EmailMessage,
    guards: &mut Guards<'_>,
) -> Result<Result<(), Stopped>, StoreError> {
    let code = Code::generate(random());
    let kept = OneTimeCode::new(&app.tokens, is_for, code.as_str());
    let receipt = match app.store.issue_code(&kept, guards).await? {
        Ok(receipt) => receipt,
        Err(stopped) => return Ok(Err(stopped)),
    };
    if let Err(error) = app.mailer().send(to, &email(code)).await {
        app.store.withdraw_code(&kept, guards, &receipt).await?;
        return Err(error.cause);
    }
    // The mail is sent. An error here would make the caller ask for another one.
    if let Some(once) = &guards.once
        && let Err(error) = app.store.settle(once).await
    {
        app.store.record_degradation(&error);
    }
    Ok(Ok(()))
}

/// The same for a request that succeeds without the mail, too. An address that is over its limit gets no mail. A
/// failure, or a mail that takes longer than `patience`, is only noted in the log.
pub async fn mail_code_if_possible(
    app: &App,
    is_for: CodeFor<'_>,
    to: &Email,
    email: fn(Code) -> EmailMessage,
    now: Timestamp,
    patience: Duration,
) {
    let target = codes_to(app, &is_for, to);
    let meter = Limit::CodesToAddress.blank_meter(&app.tokens, Counted::Everyone, target, now);
    let mut guards = Guards { meters: vec![meter], once: None, answer: String::new(), now };
    let mailed = tokio::time::timeout(patience, mail_code(app, is_for, to, email, &mut guards)).await;
    match mailed {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => app.store.record_degradation(&error),
        Err(_) => app.store.record_degradation(&StoreError::Late("a code was not mailed in time")),
    }
}

/// What codes are counted by: their purpose and the mailbox. Upper and lower case in the address make no difference.
pub fn codes_to(app: &App, is_for: &CodeFor<'_>, to: &Email) -> String {
    format!("{} {}", is_for.purpose(), app.tokens.email_hash(&to.in_lower_case()).as_str())
}
