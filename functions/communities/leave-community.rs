//! `DELETE /api/v1/communities/{community_id}/members/me`: the signed-in user leaves. Whoever is no member gets the
//! same answer.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let access = CommunityAccess::changing(app, request).await?;
    if access.is_creator() {
        return Err(CommunitiesError::IsCreator);
    }
    app.store.leave_community(access.community.id, access.user()).await?;
    Ok(Reply::ok(&Said::new(CommunityLeft)))
}

shared::lambda!(handle, sessions);
