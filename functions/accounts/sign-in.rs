//! `POST /api/auth/sign-in`: begins a session. A device that is new to the account is not trusted, and a code goes out by mail.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    let by_client = app.limits.admit(&app.tokens, Limit::PasswordsByClient, request.client(), "", now)?;
    let SignIn { identifier, password, device_id, device_name } = request.json()?;
    let device_id = device_id.and_then(|id| DeviceId::parse(&id).ok());
    let once = request.once(app, "sign-in", &identifier.normal())?;

    let (known, repeat, by_client) =
        try_join!(LoginTarget::find(app, &identifier), app.store.repeat(once.as_ref()), by_client.meter(&app.store))?;
    let is_other = matches!(repeat, Some(store::Repeat::OtherBody));
    if let Some(repeat) = repeat.filter(|_| !is_other) {
        return first_answer(app, request, repeat);
    }
    let signing_in = match known.try_password(app, &password, device_id, by_client, now).await? {
        Ok(signing_in) => signing_in,
        // What fills the window may be the very requests that this one repeats.
        Err(too_many) => match app.store.late_repeat(once.as_ref()).await? {
            Some(repeat) => return first_answer(app, request, repeat),
            None => return Err(too_many.into()),
        },
    };
    if is_other {
        return Err(Problem::reused_key().into());
    }

    let Authenticated { account, claim, device, mut tries } = signing_in;
    let is_new = device.is_none();
    let mut device = device.unwrap_or_else(|| Device::new(DeviceName::default(), false, now));
    device.device_name = device_name.unwrap_or(device.device_name);
    let session = device.begin(&account, now);
    let answer = DoneWith::new(
        SignedInText,
        SignedInBody {
            user: UserBody::of(&account, &claim),
            token: app.sessions().issue(&session, now),
            expires_at: session.expires_at,
            device: DeviceBody::of(&device),
        },
    );
    let new_devices = || Limit::NewDevices.blank_meter(&app.tokens, Counted::Everyone, account.id, now);
    let meters = is_new.then(new_devices).into_iter().collect();
    let mut guards = Guards { meters, once, answer: json!(answer).to_string(), now };
    let (done, ()) = join!(app.store.sign_in(account.id, &device, is_new, &mut guards), tries.uncount(&app.store));
    match done? {
        store::SignedIn::Done => {}
        store::SignedIn::NoDevice => return Err(AccountsError::DeviceNotFound),
        store::SignedIn::Stopped(stopped) => {
            return Ok(signed_in(app, request, Reply::stopped(stopped)?.with_status(StatusCode::OK)));
        }
    }
    if !device.trusted {
        let is_for = CodeFor::Device(device.id);
        mail_code_if_possible(app, is_for, &account.email, EmailMessage::new_device, now, MAIL_PATIENCE).await;
    }
    let reply = Reply::created(guards.answer).with_status(StatusCode::OK);
    Ok(signed_in(app, request, reply).metered(tries.meters(), now))
}

/// The answer to the first request with the same key, with its cookie.
fn first_answer(app: &App, request: &Request, repeat: store::Repeat) -> Result<Reply, AccountsError> {
    Ok(signed_in(app, request, Reply::repeated(repeat)?.with_status(StatusCode::OK)))
}

shared::lambda!(handle, sessions, mail);
