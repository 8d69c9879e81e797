//! `POST /api/sign-up`: makes an account of a proven address and a free username, and signs its user in on a trusted device.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    let SignUp { username, email, password, otp, device_name } =
        request.json_with(&SignUp::FIELDS, "All fields required")?;
    if username.is_reserved() {
        return Err(AccountsError::UsernameTaken);
    }
    let address = app.tokens.email_hash(&email);
    let code = OneTimeCode::new(&app.tokens, CodeFor::SignUp(&address), otp.as_str());

    let limits = [(Limit::SignUpCodes, address.as_str().to_owned())];
    let (begun, attempt, holder, tried) = join!(
        NewRequest::begin(app, request, Creation::Account, address.as_str(), &[""]),
        app.limits.attempt(&limits),
        app.store.email_claim(&address),
        app.store.try_code(&code, now),
    );
    let mut new = match begun? {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(signed_in(app, request, reply)),
    };
    let checked = check_code(attempt?, tried?).await;
    let is_taken = holder?.is_some();
    // Whether an address has an account is told only to whoever has shown that they read its mail.
    let allowed = checked.and_then(|proven| if is_taken { Err(AccountsError::EmailTaken) } else { Ok(proven) });
    let proven = match allowed {
        Ok(proven) => proven.unwrap_or(email),
        // The very request that this one repeats may have taken the address or the code meanwhile.
        Err(refusal) => return new.replay(app).await?.map(|reply| signed_in(app, request, reply)).ok_or(refusal),
    };

    let password_hash = SecretHash::of(password.as_str()).await;
    let (id, email) = (UserId::new(now, random()), proven);
    let account = Account { id, username, email, password_hash, epoch: 0, created_at: now };
    let claim = UsernameClaim::new(account.username.clone(), account.id);
    let mut device = Device::new(device_name.unwrap_or_default(), true, now);
    let answer = answer(app, &account, &claim, &mut device, now);
    let made = store::NewAccount { account: &account, email: &address, claim: &claim, device: &device, code: &code };
    let written = app.store.sign_up(&made, &answer, &mut new.context).await;
    let reply = new.finish(app, written, |refused| match refused {
        store::SignUpRefused::EmailTaken => AccountsError::EmailTaken,
        store::SignUpRefused::UsernameTaken => AccountsError::UsernameTaken,
        store::SignUpRefused::WrongCode => AccountsError::WrongCode,
    });
    Ok(signed_in(app, request, reply.await?))
}

/// Begins the first session, and says so.
fn answer(app: &App, account: &Account, claim: &UsernameClaim, device: &mut Device, now: Timestamp) -> String {
    let session = device.begin(account, now);
    let token = app.sessions().issue(&session, now);
    let data = NewUserBody::of(account, claim, token, session.expires_at, device);
    json!(DoneWith::new(SignedUpText, data)).to_string()
}

shared::lambda!(handle, sessions);
