//! `DELETE /api/v1/communities/{community_id}/members/{user_id}/block`: its creator takes the block of a member back; the same answer when there is none.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let meeting = Meeting::of(app, request, request.path("user_id")).await?;
    meeting.set_block(app, false).await
}

shared::lambda!(handle, sessions);
