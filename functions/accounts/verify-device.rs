//! `POST /api/auth/devices/verify`: the code that went out by mail makes the session's device a trusted one.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    let session = UnverifiedSession::by(app, request)?;
    let limits = [(Limit::DeviceCodes, session.user().to_string())];
    let (caller, attempt) = join!(session.confirm(app), app.limits.attempt(&limits));
    let Caller { session, device, .. } = caller?;
    let MailedCode { code } = request.json()?;

    let code = OneTimeCode::new(&app.tokens, CodeFor::Device(device.id), code.as_str());
    let attempt = attempt?;
    check_code(attempt, app.store.try_code(&code, now).await?).await?;
    if !app.store.trust_device(session.user, session.device, session.id, &code, now).await? {
        return Err(AccountsError::WrongCode);
    }
    let device = Device { trusted: true, ..device };
    Ok(Reply::ok(&DoneWith::new(DeviceVerified, VerifiedDeviceBody { device: DeviceBody::of(&device) })))
}

shared::lambda!(handle, sessions);
