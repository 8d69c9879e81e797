//! `PATCH /api/v1/notifications/preferences`: the signed-in user chooses notifications. The choice holds from the next
//! message on.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, NotificationsError> {
    let caller = Caller::within(app, request, Limit::Settings).await?;
    let PreferenceChange { messages: Object(MessagePreferenceChange { email, push }) } = request.json()?;
    let changes = store::PreferenceChanges { email, push };
    if changes.is_empty() {
        return Err(NotificationsError::NothingToChange);
    }

    let messages = app.store.set_preferences(caller.user(), changes).await?;
    Ok(Reply::ok(&PreferencesBody { messages }))
}

shared::lambda!(handle, sessions);
