//! `POST /api/auth/sign-in`: begins a session. A device that is new to the account is not trusted, and a code goes out by mail.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    let SignIn { identifier, password, device_id, device_name } = request.json()?;
    let device_id = device_id.and_then(|id| DeviceId::parse(&id).ok());

    let scope = identifier.normal();
    let begin = NewRequest::begin(app, request, Creation::Session, &scope, &[]);
    let (target, begun) = join!(LoginTarget::find(app, &identifier), begin);
    let mut new = match begun? {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(signed_in(app, request, reply)),
    };
    let authenticated = match target?.try_password(app, &password, device_id).await {
        Ok(authenticated) => authenticated,
        // The window may be full of the very requests that this one repeats.
        Err(error) if error.is_over_limit() => {
            return new.replay(app).await?.map(|reply| signed_in(app, request, reply)).ok_or(error);
        }
        Err(error) => return Err(error),
    };
    new.refuse_other_body()?;

    let Authenticated { account, claim, device, attempt } = authenticated;
    let is_new = device.is_none();
    if is_new {
        app.limits.take_untold(Limit::NewDevices, account.id).await?;
    }
    let mut device = device.unwrap_or_else(|| Device::new(DeviceName::default(), false, now));
    device.device_name = device_name.unwrap_or(device.device_name);
    let answer = answer(app, &account, &claim, &mut device, now);
    let is_for = CodeFor::Device(device.id);
    let (written, (), may_mail) =
        join!(app.store.sign_in(account.id, &device, is_new, &answer, &mut new.context), attempt.succeeded(), async {
            !device.trusted && may_mail_code(app, &is_for, &account.email).await
        },);
    let is_done = matches!(written, Ok(Written::Done(_)));
    let reply = new.finish(app, written, |store::NoDevice| AccountsError::DeviceNotFound).await?;
    if is_done && may_mail {
        mail_counted_code(app, is_for, &account.email, EmailMessage::new_device, now, MAIL_PATIENCE).await;
    }
    Ok(signed_in(app, request, reply))
}

/// Begins the session, and says so.
fn answer(app: &App, account: &Account, claim: &UsernameClaim, device: &mut Device, now: Timestamp) -> String {
    let session = device.begin(account, now);
    let data = SignedInBody {
        user: UserBody::of(account, claim),
        token: app.sessions().issue(&session, now),
        expires_at: session.expires_at,
        device: DeviceBody::of(device),
    };
    json!(DoneWith::new(SignedInText, data)).to_string()
}

shared::lambda!(handle, sessions, mail);
