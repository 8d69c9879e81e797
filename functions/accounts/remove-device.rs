//! `DELETE /api/auth/devices/{deviceId}`: forgets a device of the signed-in user; its session ends at once.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::within(app, request, Limit::Sessions).await?;
    let device: DeviceId = request.path("deviceId").ok_or(AccountsError::DeviceNotFound)?;

    app.store.remove_device(caller.user(), device).await?;
    let reply = Reply::ok(&Done::because(DeviceRemoved));
    Ok(if device == caller.session.device { end_session(app, request, reply) } else { reply })
}

shared::lambda!(handle, sessions);
