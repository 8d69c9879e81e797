//! `POST /api/auth/sign-in`: begins a session. A device that is new to the account is not trusted, and a code goes out by mail.

use shared::prelude::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignIn {
    identifier: Identifier,
    password: PasswordTry,
    /// Any text: what is no id of a device of the account is a new device.
    device_id: Option<String>,
    device_name: Option<DeviceName>,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    let gate = app.limits.admit(&app.tokens, Limit::PasswordsByClient, request.client(), "", now)?;
    let SignIn { identifier, password, device_id, device_name } = request.json()?;
    let device_id = device_id.and_then(|id| DeviceId::parse(&id).ok());
    let once = request.once(app, "sign-in", &identifier.normal())?;

    let (known, repeat) = try_join!(Known::find(app, &identifier), app.store.repeat(once.as_ref()))?;
    if let Some(repeat) = repeat {
        return Ok(signed_in(app, request, Reply::repeated(repeat)?.with_status(StatusCode::OK)));
    }
    // Known or not, the same calls follow: their time must not tell.
    let by_account = Limit::Passwords.blank_meter(&app.tokens, Counted::Everyone, known.target(&identifier), now);
    let (tries, account, claim, device) = try_join!(
        Tries::count(&app.store, vec![by_account, gate.blank()], now),
        app.store.account(known.user),
        app.store.username_claim(&known.username),
        app.store.device(known.user, device_id.unwrap_or(DeviceId::from_bytes([0; 16]))),
    )?;
    let tries = tries?;
    let nobody = SecretHash::of_nobody();
    let hash = account.as_ref().map_or(&nobody, |account| &account.password_hash);
    let is_right = hash.is_of(password.as_str()).await;
    let (Some(account), Some(claim), true) = (account, claim, is_right) else {
        return Err(AccountsError::WrongCredentials);
    };
    if claim.status != AccountStatus::Active {
        return Err(AccountsError::NotActive);
    }

    let is_new = device.is_none();
    let mut device = device.unwrap_or_else(|| Device::new(DeviceName::default(), false, now));
    device.device_name = device_name.unwrap_or(device.device_name);
    let session = device.begin(&claim, now);
    let answer = json!({
        "success": true,
        "message": "Signed in",
        "data": {
            "user": UserBody::of(&account, &claim),
            "token": app.sessions().issue(&session, now),
            "expiresAt": session.expires_at,
            "device": DeviceBody::of(&device),
        },
    });
    let mut guards = Guards { meters: Vec::new(), once, answer: answer.to_string(), now };
    let (done, ()) = join!(app.store.sign_in(account.id, &device, is_new, &mut guards), tries.uncount(&app.store));
    match done? {
        store::SignedIn::Done => {}
        store::SignedIn::NoDevice => return Err(AccountsError::DeviceNotFound),
        store::SignedIn::Stopped(stopped) => {
            return Ok(signed_in(app, request, Reply::stopped(stopped)?.with_status(StatusCode::OK)));
        }
    }
    if !device.trusted {
        mail_code_if_possible(app, CodeFor::Device(device.id), &account.email, Letter::new_device, now).await;
    }
    Ok(signed_in(app, request, Reply::created(guards.answer).with_status(StatusCode::OK)))
}

shared::lambda!(handle, sessions, mail);
