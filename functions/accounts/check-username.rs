//! `GET /api/check-username-unique`: whether someone who signs up can have a username.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let username = request.query("username").unwrap_or_default();
    let username = Username::parse(&username).map_err(|broken| Problem::bad_request(broken.0))?;

    let (is_free, taken) =
        join!(app.store.is_username_free(&username, request.now()), app.limits.take(Limit::Usernames, ""));
    taken?;
    let is_free = is_free? && !username.is_reserved();
    let message = if is_free { "Username available" } else { "Username already exists" };
    Ok(Reply::ok(&json!({ "success": is_free, "message": message })))
}

shared::lambda!(handle);
