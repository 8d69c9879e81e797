//! `POST /api/send-otp`: mails a code that proves the address of someone who signs up.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, NotSent> {
    let now = request.now();
    let by_client = app.limits.admit(&app.tokens, Limit::Codes, request.client(), "", now)?;
    let Address { email } = request.json()?;
    let address = app.tokens.email_hash(&email);
    let is_for = CodeFor::SignUp(&address);
    let target = codes_to(app, &is_for, &email);
    let to_address = app.limits.admit(&app.tokens, Limit::CodesToAddress, Counted::Everyone, &target, now)?;
    let once = request.once(app, "send-otp", address.as_str())?.map(store::Once::pending);

    let (claim, by_client, to_address, repeat) = try_join!(
        app.store.email_claim(&address),
        by_client.meter(&app.store),
        to_address.meter(&app.store),
        app.store.repeat(once.as_ref()),
    )?;
    if let Some(repeat) = repeat {
        return first_answer(app, once.as_ref(), repeat).await;
    }
    if claim.is_some() {
        return Err(AccountsError::AlreadyRegistered.into());
    }
    let answer = json!(Done::because(CodeSent)).to_string();
    let mut guards = Guards { meters: to_address.into_iter().chain(by_client).collect(), once, answer, now };
    match mail_code(app, is_for, &email, EmailMessage::sign_up, &mut guards).await? {
        Ok(()) => Ok(Reply::created(guards.answer).with_status(StatusCode::OK).metered(&guards.meters, now)),
        Err(store::Stopped::Repeated(repeat)) => first_answer(app, guards.once.as_ref(), repeat).await,
        Err(store::Stopped::Limited(too_many)) => Err(too_many.into()),
    }
}

/// The answer to the first request with the same key. It may have to be waited for: the mail may be under way.
async fn first_answer(app: &App, once: Option<&store::Once<'_>>, repeat: store::Repeat) -> Result<Reply, NotSent> {
    let repeat = match repeat {
        store::Repeat::Pending => app.store.late_repeat(once).await?.unwrap_or(store::Repeat::Pending),
        repeat => repeat,
    };
    Ok(Reply::repeated(repeat)?.with_status(StatusCode::OK))
}

shared::lambda!(handle, mail);
