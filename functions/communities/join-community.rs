//! `POST /api/v1/communities/{community_id}/members`: the signed-in user becomes a member. A member gets the same
//! answer.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let community = request.path::<CommunityId>("community_id").map(|id| id.to_string());
    let scope = format!("{user} {}", community.unwrap_or_default());
    let by_user = user.to_string();
    let targets = [by_user.as_str()];

    let begin = NewRequest::begin(app, request, Creation::Membership, &scope, &targets);
    let (access, begun) = CommunityAccess::with(app, request, session, async || Ok(begin.await)).await?;
    let mut new = match begun? {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };
    if access.is_creator() {
        return Err(CommunitiesError::IsCreator);
    }

    let id = access.community.id;
    let person = PersonBody::of(user, Some(access.username()));
    let answer = |member: &Member| {
        json!(MembershipBody { community_id: id, user: person, joined_at: member.joined_at }).to_string()
    };
    let written = app.store.join(id, user, access.member.as_ref(), answer, &mut new.context).await;
    new.finish(app, written, |refused| match refused {
        store::JoinRefused::Blocked => CommunitiesError::Blocked,
        store::JoinRefused::Gone => CommunitiesError::CommunityNotFound,
    })
    .await
}

shared::lambda!(handle, sessions);
