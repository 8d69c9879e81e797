//! `POST /api/v1/communities/{community_id}/members`: the signed-in user becomes a member. A member gets the same
//! answer.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let scope = format!("{user} {}", request.path_text("community_id").unwrap_or_default());
    let (once, asked) = request.asked(app, "join-community", &scope, Ok(()));
    let (access, repeat) =
        CommunityAccess::with(app, request, session, async || app.store.repeat(once.as_ref()).await).await?;
    asked?;
    if let Some(repeat) = repeat {
        return Ok(Reply::repeated(repeat)?);
    }
    if access.is_creator() {
        return Err(CommunitiesError::IsCreator);
    }

    let id = access.community.id;
    let person = PersonBody::of(user, Some(access.username()));
    let answer = |member: &Member| {
        json!(MembershipBody { community_id: id, user: person, joined_at: member.joined_at }).to_string()
    };
    let mut guards = Guards { meters: Vec::new(), once, answer: String::new(), now: request.now() };
    match app.store.join(id, user, access.member.as_ref(), answer, &mut guards).await? {
        store::Joined::Done => Ok(Reply::created(guards.answer)),
        store::Joined::Blocked => Err(CommunitiesError::Blocked),
        store::Joined::Gone => Err(CommunitiesError::CommunityNotFound),
        store::Joined::Stopped(stopped) => Ok(Reply::stopped(stopped)?),
    }
}

shared::lambda!(handle, sessions);
