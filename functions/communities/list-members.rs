//! `GET /api/v1/communities/{community_id}/members`: the creator sees the members of a community, in the order of
//! their sign-ups.

use shared::prelude::*;

#[derive(Serialize)]
struct Listed<'a> {
    user: PersonBody<'a>,
    joined_at: Timestamp,
    blocked: bool,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let access = CommunityAccess::of_creator(app, request).await?;
    let community = access.community.id;
    let pagination = Pagination::of(app, request, "members", community)?;

    let (members, next) = app.store.members(community, pagination.after, pagination.size).await?;
    let names = app.store.usernames(members.iter().map(|member| member.user_id)).await?;
    let name = |user| names.iter().find(|(id, _)| *id == user).map(|(_, name)| name);
    let listed = members.iter().map(|member| Listed {
        user: PersonBody::of(member.user_id, name(member.user_id)),
        joined_at: member.joined_at,
        blocked: member.blocked,
    });
    let next = pagination.next_cursor(&app.tokens, next);
    Ok(Reply::ok(&json!({ "members": listed.collect::<Vec<_>>(), "next_cursor": next })))
}

shared::lambda!(handle, sessions);
