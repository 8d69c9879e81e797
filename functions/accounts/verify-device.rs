//! `POST /api/auth/devices/verify`: the code that went out by mail makes the session's device a trusted one.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let now = request.now();
    let Caller { session, device, .. } = Caller::of(app, request).await?;
    let MailedCode { code } = request.json()?;
    let code = OneTimeCode::new(&app.tokens, CodeFor::Device(device.id), code.as_str());
    let meter = Limit::DeviceCodes.meter(&app.store, &app.tokens, Counted::Everyone, session.user, now).await?;
    let mut tries = Tries::count(&app.store, vec![meter], now).await??;

    let is_right = app.store.try_code(&code, now).await?;
    if !is_right || !app.store.trust_device(session.user, session.device, session.id, &code, now).await? {
        return Err(AccountsError::WrongCode);
    }
    tries.uncount(&app.store).await;
    let device = Device { trusted: true, ..device };
    let body = DoneWith::new(DeviceVerified, VerifiedDeviceBody { device: DeviceBody::of(&device) });
    Ok(Reply::ok(&body).metered(tries.meters(), now))
}

shared::lambda!(handle, sessions);
