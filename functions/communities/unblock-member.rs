//! `DELETE /api/v1/communities/{community_id}/members/{user_id}/block`: the creator of a community takes a block back.
//! The answer is the same when there is no block.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let pair = MemberPair::within(app, request, request.path("user_id"), Limit::CommunityChanges).await?;
    pair.set_block(app, false).await
}

shared::lambda!(handle, sessions);
