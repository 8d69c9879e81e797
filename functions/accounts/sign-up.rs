//! `POST /api/sign-up`: makes an account of a proven address and a free username, and signs its user in on a trusted device.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    app.limits.admit(&app.tokens, Limit::Codes, request.client(), "sign-up", now)?;
    let SignUp { username, email, password, otp, device_name } =
        request.json_with(&SignUp::FIELDS, "All fields required")?;
    let address = app.tokens.email_hash(&email);
    let once = request.once(app, "sign-up", address.as_str())?;
    let code = OneTimeCode::new(&app.tokens, CodeFor::SignUp(&address), otp.as_str());

    let (repeat, holder, is_right) =
        try_join!(app.store.repeat(once.as_ref()), app.store.email_claim(&address), app.store.try_code(&code, now))?;
    // What took the address or the code meanwhile may be the very request that this one repeats.
    let is_refused = holder.is_some() || !is_right;
    let repeat = if is_refused && repeat.is_none() { app.store.repeat(once.as_ref()).await? } else { repeat };
    match (repeat, holder, is_right) {
        (Some(repeat), _, _) => return Ok(signed_in(app, request, Reply::repeated(repeat)?)),
        (_, Some(_), _) => return Err(AccountsError::EmailTaken),
        (_, _, false) => return Err(AccountsError::WrongCode),
        (None, None, true) => {}
    }
    let password_hash = SecretHash::of(password.as_str()).await;
    let account = Account { id: UserId::new(now, random()), username, email, password_hash, epoch: 0, created_at: now };
    let claim = UsernameClaim::new(account.username.clone(), account.id);
    let mut device = Device::new(device_name.unwrap_or_default(), true, now);
    let session = device.begin(&account, now);
    let token = app.sessions().issue(&session, now);
    let answer = DoneWith::new(SignedUpText, NewUserBody::of(&account, &claim, token, session.expires_at, &device));

    let mut guards = Guards { meters: Vec::new(), once, answer: json!(answer).to_string(), now };
    let new = store::NewAccount { account: &account, email: &address, claim: &claim, device: &device, code: &code };
    match app.store.sign_up(&new, &mut guards).await? {
        store::SignedUp::Done => Ok(signed_in(app, request, Reply::created(guards.answer))),
        store::SignedUp::EmailTaken => Err(AccountsError::EmailTaken),
        store::SignedUp::UsernameTaken => Err(AccountsError::UsernameTaken),
        store::SignedUp::WrongCode => Err(AccountsError::WrongCode),
        store::SignedUp::Stopped(stopped) => Ok(signed_in(app, request, Reply::stopped(stopped)?)),
    }
}

shared::lambda!(handle, sessions);
