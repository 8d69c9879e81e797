//! `POST /api/v1/communities`: the signed-in user makes a community, and is its creator from then on.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let now = request.now();
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let (once, new) = request.asked(app, "create-community", &user.to_string(), request.json::<NewCommunity>());
    let (caller, new, repeat) =
        confirm_and_read(session.confirm(app), new.map_err(CommunitiesError::from), async |_| {
            app.store.repeat(once.as_ref()).await
        })
        .await?;
    if let Some(repeat) = repeat {
        return Ok(Reply::repeated(repeat)?);
    }

    let community = Community {
        id: CommunityId::new(now, random()),
        community_name: new.name,
        description: new.description,
        creator: user,
        created_at: now,
        updated_at: now,
        closing: false,
    };
    let body = CommunityBody::of(&community, Some(&caller.session.username), Some(Role::Creator));
    let mut guards = Guards { meters: Vec::new(), once, answer: json!(body).to_string(), now };
    match app.store.create_community(&community, &mut guards).await? {
        store::Founded::Done => Ok(Reply::created(guards.answer)),
        store::Founded::Stopped(stopped) => Ok(Reply::stopped(stopped)?),
    }
}

shared::lambda!(handle, sessions);
