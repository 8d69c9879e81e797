//! `POST /api/links`: makes a link, and shows its admin token for the only time.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let asked: NewLink = request.json()?;
    check_times(&asked, request.now())?;
    let session = if asked.notify == Some(true) { Some(UnverifiedSession::beside_token(app, request)?) } else { None };
    let scope = session.as_ref().map_or_else(|| request.client_scope(), |session| session.user().to_string());

    let slug = asked.slug.clone();
    let callers = async {
        let owner = async { OptionFuture::from(session.map(|session| session.confirm(app))).await.transpose() };
        try_join!(owner, slug_claim(app, request, slug.as_ref()))
    };
    let begin = async |_: &NewLink| NewRequest::begin(app, request, Creation::Link, &scope, &[""]).await;
    let ((owner, claim), asked, begun) = confirm_and_read(callers, Ok::<_, LinksError>(asked), begin).await?;
    let mut new = match begun {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };

    let admin_token = AdminToken::generate();
    let owner = owner.map(|owner| owner.user());
    let link = make_link(asked, owner, &admin_token, request.now()).await;
    let answer = answer(&link, &admin_token, &request.base_url(app), request.now());
    let written = app.store.create_link(&link, &claim, &answer, &mut new.context).await;
    new.finish(app, written, |store::SlugTaken| LinksError::SlugTaken).await
}

fn check_times(asked: &NewLink, now: Timestamp) -> Result<(), LinksError> {
    match (asked.starts_at, asked.expires_at) {
        (_, Some(end)) if end <= now => Err(LinksError::ExpiresInThePast),
        (Some(start), Some(end)) if end <= start => Err(LinksError::ExpiresBeforeStart),
        _ => Ok(()),
    }
}

async fn make_link(asked: NewLink, owner: Option<UserId>, admin_token: &AdminToken, now: Timestamp) -> Link {
    let slug = asked.slug.unwrap_or_else(|| Slug::generate(random()));
    let pin = match asked.pin {
        Some(pin) => Some(SecretHash::of(pin.as_str()).await),
        None => None,
    };
    Link {
        description: asked.description,
        pin,
        starts_at: asked.starts_at,
        expires_at: asked.expires_at,
        max_messages: asked.max_messages,
        message_count: asked.max_messages.map(|_| 0),
        owner,
        ..Link::new(LinkId::new(now, random()), slug, asked.title, admin_token.hash(), now)
    }
}

fn answer(link: &Link, admin_token: &AdminToken, base_url: &str, now: Timestamp) -> String {
    let share_url = format!("{base_url}/{}", link.slug.as_str());
    let admin_token = admin_token.reveal();
    json!(CreatedLinkBody {
        link: LinkBody::of(link, now),
        admin_url: format!("{share_url}/admin?token={admin_token}"),
        share_url,
        admin_token,
    })
    .to_string()
}

shared::lambda!(handle, sessions);
