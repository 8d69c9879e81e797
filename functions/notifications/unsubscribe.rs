//! `POST /api/v1/notifications/unsubscribe`: whoever holds a mail about messages ends them, by one click and without
//! signing in (RFC 8058). The body may hold anything.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, PageOrJson> {
    unsubscribe(app, request).await.map_err(|error| PageOrJson::of(request, error))
}

async fn unsubscribe(app: &App, request: &Request) -> Result<Reply, NotificationsError> {
    let unsubscriber = Unsubscriber::of(app, request)?;

    app.limits.take(Limit::Unsubscriptions, unsubscriber.user()).await?;
    app.store.unsubscribe(unsubscriber.user()).await?;
    Ok(match request.accepts_pages() {
        true => Reply::page(
            "Unsubscribed",
            &format!("{UNSUBSCRIBED}. Your preferences bring it back, once you are signed in."),
        ),
        false => Reply::ok(&Said::new(Unsubscribed)),
    })
}

shared::lambda!(handle);
