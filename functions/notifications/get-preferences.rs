//! `GET /api/v1/notifications/preferences`: how the signed-in user is told of messages.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, NotificationsError> {
    let presented = UnverifiedSession::by(app, request)?;
    let user = presented.user();

    let (_, messages) =
        try_join!(presented.confirm(app).map_err(NotificationsError::from), app.store.preferences(user).err_into())?;
    Ok(Reply::ok(&json!({ "messages": messages })))
}

shared::lambda!(handle, sessions);
