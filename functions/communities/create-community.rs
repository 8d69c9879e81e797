//! `POST /api/v1/communities`: the signed-in user makes a community, and is its creator from then on.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let now = request.now();
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let scope = user.to_string();
    let targets = [scope.as_str()];

    let asked = request.json::<NewCommunity>().map_err(CommunitiesError::from);
    let begin = async |_: &NewCommunity| NewRequest::begin(app, request, Creation::Community, &scope, &targets).await;
    let (caller, asked, begun) = confirm_and_read(session.confirm(app), asked, begin).await?;
    let mut new = match begun {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };

    let community = Community {
        id: CommunityId::new(now, random()),
        community_name: asked.name,
        description: asked.description,
        creator: user,
        created_at: now,
        updated_at: now,
        closing: false,
    };
    let body = CommunityBody::of(&community, Some(&caller.session.username), Some(Role::Creator));
    let written = app.store.create_community(&community, &json!(body).to_string(), &mut new.context).await;
    new.finish(app, written, |never| match never {}).await
}

shared::lambda!(handle, sessions);
