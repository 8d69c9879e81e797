//! `POST /api/send-otp`: mails a code that proves the address of someone who signs up.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, NotSent> {
    let Address { email } = request.json()?;
    let address = app.tokens.email_hash(&email);
    let is_for = CodeFor::SignUp(&address);
    let mailbox = codes_to(app, &is_for, &email);
    let targets = [mailbox.as_str(), ""];

    let (begun, claim) = join!(
        NewRequest::begin(app, request, Creation::Code, address.as_str(), &targets),
        app.store.email_claim(&address),
    );
    let mut new = match begun? {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };
    if claim?.is_some() {
        // Counted, so that addresses can't be probed beyond the limit.
        new.count_refusal(app).await?;
        return Err(AccountsError::AlreadyRegistered.into());
    }
    let answer = json!(Done::because(CodeSent)).to_string();
    let mailed = mail_code(app, is_for, &email, EmailMessage::sign_up, answer, &mut new.context).await?;
    new.finish(app, Ok(mailed), |BadAddress| AccountsError::BadAddress.into()).await
}

shared::lambda!(handle, mail);
