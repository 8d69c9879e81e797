//! `GET /api/v1/communities/{community_id}`: what anyone who is signed in may know of a community, and what the caller is to it.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let access = CommunityAccess::of(app, request).await?;
    let creator = app.store.username_of(access.community.creator).await?;
    Ok(Reply::ok(&CommunityBody::of(&access.community, creator.as_ref(), access.role())))
}

shared::lambda!(handle, sessions);
