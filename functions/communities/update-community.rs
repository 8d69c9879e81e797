//! `PATCH /api/v1/communities/{community_id}`: its creator changes a community; `null` clears the description.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let access = CommunityAccess::changing(app, request).await?.by_creator()?;
    let CommunityChange { name, description } = request.json()?;
    if name.is_none() && description.is_keep() {
        return Err(CommunitiesError::NothingToChange);
    }
    let changes = store::CommunityChanges { name, description };
    let changed = app.store.update_community(access.community.id, &changes, request.now()).await?;
    let changed = changed.ok_or(CommunitiesError::CommunityNotFound)?;
    Ok(Reply::ok(&CommunityBody::of(&changed, Some(access.username()), Some(Role::Creator))))
}

shared::lambda!(handle, sessions);
