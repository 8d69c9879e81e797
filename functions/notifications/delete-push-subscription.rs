//! `DELETE /api/v1/push/subscriptions/{id}`: deletes a push subscription of the signed-in user.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, NotificationsError> {
    let caller = Caller::within(app, request, Limit::PushSubscriptions).await?;
    let id: PushSubscriptionId = request.path("id").ok_or(NotificationsError::SubscriptionNotFound)?;

    if !app.store.forget_push_subscription(caller.user(), id).await? {
        return Err(NotificationsError::SubscriptionNotFound);
    }
    Ok(Reply::ok(&Said::new(SubscriptionDeleted)))
}

shared::lambda!(handle, sessions);
