//! `GET /api/auth/devices`: the devices of the signed-in user's account. A device that is not trusted sees only
//! itself: an id of a trusted device, together with the password, would make it trusted.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::of(app, request).await?;
    let user = caller.user();
    let pagination = Pagination::of(app, request, "devices", user)?;

    let page = match caller.device.trusted {
        true => app.store.devices(user, pagination.after, pagination.size).await?,
        false => store::Page { items: vec![caller.device], has_more: false },
    };
    let listed = page.items.iter().map(|device| ListedDeviceBody {
        device: DeviceBody::of(device),
        current: device.id == caller.session.device,
        signed_in: device.session_id.is_some() && device.epoch == caller.claim.epoch,
        created_at: device.created_at,
        last_sign_in_at: device.signed_in_at,
    });
    let next_cursor = pagination.next_cursor(&app.tokens, page.next(|last| last.id));
    Ok(Reply::ok(&DevicesBody { success: True, devices: listed.collect(), next_cursor }))
}

shared::lambda!(handle, sessions);
