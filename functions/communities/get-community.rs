//! `GET /api/v1/communities/{community_id}`: a community, as every signed-in user may see it, with the caller's role
//! in it.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let access = CommunityAccess::of(app, request).await?;
    let creator = app.store.username_of(access.community.creator).await?;
    Ok(Reply::ok(&CommunityBody::of(&access.community, creator.as_ref(), access.role())))
}

shared::lambda!(handle, sessions);
