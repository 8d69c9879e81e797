//! `POST /api/v1/communities/{community_id}/members/{user_id}/block`: the creator of a community blocks a member. Once
//! this answers, neither can write to the other.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let pair = MemberPair::within(app, request, request.path("user_id"), Limit::CommunityChanges).await?;
    pair.set_block(app, true).await
}

shared::lambda!(handle, sessions);
