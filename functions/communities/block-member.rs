//! `POST /api/v1/communities/{community_id}/members/{user_id}/block`: once this answers, nothing passes any more between the creator of a community and a member.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let meeting = Meeting::of(app, request, request.path("user_id")).await?;
    meeting.set_block(app, true).await
}

shared::lambda!(handle, sessions);
