//! Codes that go out by mail.

use crate::{
    app::App,
    limits::{Counted, Limit},
    mail::Letter,
    store::{CodeFor, Guards, Meter, OneTimeCode, Stopped, StoreError},
    tokens::random,
    types::{Code, Email, Timestamp},
};

/// Makes a code, counts it and mails it, or nothing of all that: a code that nobody was told of is none.
pub async fn mail_code(
    app: &App,
    is_for: CodeFor<'_>,
    to: &Email,
    letter: fn(Code) -> Letter,
    guards: &mut Guards<'_>,
) -> Result<Result<(), Stopped>, StoreError> {
    let code = Code::generate(random());
    let kept = OneTimeCode::new(&app.tokens, is_for, code.as_str());
    let receipt = match app.store.issue_code(&kept, guards).await? {
        Ok(receipt) => receipt,
        Err(stopped) => return Ok(Err(stopped)),
    };
    if let Err(error) = app.mailer().send(to, &letter(code)).await {
        app.store.withdraw_code(&kept, guards, &receipt).await?;
        return Err(error);
    }
    Ok(Ok(()))
}

/// The same for a request that succeeds with and without it: an address that got its codes gets no more for now, and a failure
/// is left to the log.
pub async fn mail_code_if_possible(
    app: &App,
    is_for: CodeFor<'_>,
    to: &Email,
    letter: fn(Code) -> Letter,
    now: Timestamp,
) {
    let meters = vec![codes_to(app, &is_for, now)];
    let mut guards = Guards { meters, once: None, answer: String::new(), now };
    if let Err(error) = mail_code(app, is_for, to, letter, &mut guards).await {
        app.store.degrade(&error);
    }
}

/// What counts the codes of one kind to one address.
fn codes_to<'a>(app: &'a App, is_for: &CodeFor<'_>, now: Timestamp) -> Meter<'a> {
    Limit::CodesToAddress.blank_meter(&app.tokens, Counted::Everyone, is_for.subject(), now)
}
