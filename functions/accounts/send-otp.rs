//! `POST /api/send-otp`: mails a code that proves the address of someone who signs up.

use shared::prelude::*;

#[derive(Deserialize)]
struct SendOtp {
    email: Email,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, NotSent> {
    let now = request.now();
    let by_client = app.limits.admit(&app.tokens, Limit::Codes, request.client(), "", now)?;
    let SendOtp { email } = request.json()?;
    let address = app.tokens.email_hash(&email);
    let to_address = app.limits.admit(&app.tokens, Limit::CodesToAddress, Counted::Everyone, address.as_str(), now)?;
    let once = request.once(app, "send-otp", address.as_str())?;

    let (claim, by_client, to_address, repeat) = try_join!(
        app.store.email_claim(&address),
        by_client.meter(&app.store),
        to_address.meter(&app.store),
        app.store.repeat(once.as_ref()),
    )?;
    if let Some(repeat) = repeat {
        return Ok(Reply::repeated(repeat)?.with_status(StatusCode::OK));
    }
    if claim.is_some() {
        return Err(AccountsError::AlreadyRegistered.into());
    }
    let answer = json!({ "success": true, "message": "OTP sent successfully" }).to_string();
    let mut guards = Guards { meters: to_address.into_iter().chain(by_client).collect(), once, answer, now };
    let reply = match mail_code(app, CodeFor::SignUp(&address), &email, Letter::sign_up, &mut guards).await? {
        Ok(()) => Reply::created(guards.answer),
        Err(stopped) => Reply::stopped(stopped)?,
    };
    Ok(reply.with_status(StatusCode::OK).metered(&guards.meters, now))
}

shared::lambda!(handle, mail);
