//! `GET /api/v1/communities/{community_id}/members`: the creator sees the members of a community, in the order of
//! their sign-ups.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let access = CommunityAccess::of_creator(app, request).await?;
    let community = access.community.id;
    let pagination = Pagination::of(app, request, "members", community)?;

    let (members, next) = app.store.members(community, pagination.after, pagination.size).await?;
    let names = app.store.usernames(members.iter().map(|member| member.user_id)).await?;
    let name = |user| names.iter().find(|(id, _)| *id == user).map(|(_, name)| name);
    let listed = members.iter().map(|member| CommunityMemberBody {
        user: PersonBody::of(member.user_id, name(member.user_id)),
        joined_at: member.joined_at,
        blocked: member.blocked,
    });
    let next_cursor = pagination.next_cursor(&app.tokens, next);
    Ok(Reply::ok(&MembersBody { members: listed.collect(), next_cursor }))
}

shared::lambda!(handle, sessions);
