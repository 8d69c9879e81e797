//! `GET /api/check-username-unique`: whether someone who signs up can have a username.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, AccountsError> {
    let username = request.query("username").unwrap_or_default();
    let username = Username::parse(&username).map_err(|broken| Problem::bad_request(broken.0))?;

    let (is_free, taken) =
        join!(app.store.is_username_free(&username, request.now()), app.limits.take(Limit::Usernames, ""));
    taken?;
    Ok(Reply::ok(&UsernameCheck::of(is_free? && !username.is_reserved())))
}

shared::lambda!(handle);
