//! `GET /api/v1/push/vapid-key`: the key that browsers need to subscribe, as `applicationServerKey`.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, NotificationsError> {
    Caller::of(app, request).await?;
    Ok(Reply::ok(&VapidKeyBody { key: app.vapid().public_text() }))
}

shared::lambda!(handle, sessions, vapid);
