//! `PATCH /api/v1/notifications/preferences`: the signed-in user chooses notifications. The choice holds from the next
//! message on.

use shared::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    messages: Object<Messages>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Messages {
    #[serde(default, deserialize_with = "given")]
    email: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    push: Option<bool>,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, NotificationsError> {
    let caller = Caller::within(app, request, Limit::Settings).await?;
    let Changes { messages: Object(Messages { email, push }) } = request.json()?;
    let changes = store::PreferenceChanges { email, push };
    if changes.is_empty() {
        return Err(NotificationsError::NothingToChange);
    }

    let messages = app.store.set_preferences(caller.user(), changes).await?;
    Ok(Reply::ok(&json!({ "messages": messages })))
}

shared::lambda!(handle, sessions);
