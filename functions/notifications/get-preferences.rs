//! `GET /api/v1/notifications/preferences`: which notifications the signed-in user gets.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, NotificationsError> {
    let session = UnverifiedSession::by(app, request)?;
    let (user, asked) = (session.user(), Ok::<_, NotificationsError>(()));

    let (_, (), messages) =
        confirm_and_read(session.confirm(app), asked, async |()| app.store.preferences(user).await).await?;
    Ok(Reply::ok(&PreferencesBody { messages }))
}

shared::lambda!(handle, sessions);
