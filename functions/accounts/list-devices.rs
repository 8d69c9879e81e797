//! `GET /api/auth/devices`: the devices of the signed-in user's account. Who gives a device's id with the password is trusted as the
//! device is, so a device that is not trusted sees no other.

use shared::prelude::*;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    #[serde(flatten)]
    device: DeviceBody<'a>,
    /// It is the one that asks.
    current: bool,
    signed_in: bool,
    created_at: Timestamp,
    last_sign_in_at: Timestamp,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let caller = Caller::of(app, request).await?;
    let user = caller.user();
    let size = request.query_as("limit")?.unwrap_or(PageSize::MAX);
    let after = request.cursor(app, user.as_bytes())?.map(DeviceId::from_bytes);

    let page = match caller.device.trusted {
        true => app.store.devices(user, after, size).await?,
        false => store::Page { items: vec![caller.device], has_more: false },
    };
    let listed = page.items.iter().map(|device| Listed {
        device: DeviceBody::of(device),
        current: device.id == caller.session.device,
        signed_in: device.session_id.is_some() && device.epoch == caller.claim.epoch,
        created_at: device.created_at,
        last_sign_in_at: device.signed_in_at,
    });
    let cursor = |last: &Device| app.tokens.sign(Purpose::Cursor, user.as_bytes(), last.id.as_bytes());
    Ok(Reply::ok(&json!({
        "success": true,
        "devices": listed.collect::<Vec<_>>(),
        "nextCursor": page.next(cursor),
    })))
}

shared::lambda!(handle, sessions);
