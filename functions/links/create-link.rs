//! `POST /api/links`: makes a link, and shows its admin token for the only time.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let now = request.now();
    let gate = app.limits.admit(&app.tokens, Limit::Links, request.client(), "", now)?;
    let new: NewLink = request.json()?;
    check_times(&new, now)?;
    let owner = if new.notify == Some(true) { Some(UnverifiedSession::by(app, request)?) } else { None };
    let user = owner.as_ref().map(|owner| owner.user().to_string()).unwrap_or_default();
    let once = request.once(app, "create-link", &user)?;

    let (owner, meter, repeat) = try_join!(
        notified(app, owner).map_err(LinksError::from),
        gate.meter(&app.store).err_into(),
        app.store.repeat(once.as_ref()).err_into(),
    )?;
    if let Some(repeat) = repeat {
        return Ok(Reply::repeated(repeat)?.metered(meter.as_ref(), now));
    }
    // Before the PIN is hashed, which is what a refused request must not cost.
    if let (Some(meter), None) = (&meter, &once) {
        meter.free_slot(now)?;
    }
    let admin_token = AdminToken::generate();
    let slug = new.slug.unwrap_or_else(|| Slug::generate(random()));
    let link = Link {
        description: new.description,
        pin: match new.pin {
            Some(pin) => Some(SecretHash::of(pin.as_str()).await),
            None => None,
        },
        starts_at: new.starts_at,
        expires_at: new.expires_at,
        max_messages: new.max_messages,
        message_count: new.max_messages.map(|_| 0),
        owner,
        ..Link::new(LinkId::new(now, random()), slug, new.title, admin_token.hash(), now)
    };
    let share_url = format!("{}/{}", request.base_url(app), link.slug.as_str());
    let answer = CreatedLinkBody {
        link: LinkBody::of(&link, now),
        admin_url: format!("{share_url}/admin?token={}", admin_token.reveal()),
        share_url,
        admin_token: admin_token.reveal(),
    };

    let mut guards = Guards { meters: meter.into_iter().collect(), once, answer: json!(answer).to_string(), now };
    match app.store.create_link(&link, &mut guards).await? {
        store::Created::Done => Ok(Reply::created(guards.answer).metered(&guards.meters, now)),
        store::Created::SlugTaken => Err(LinksError::SlugTaken),
        store::Created::Stopped(stopped) => Ok(Reply::stopped(stopped)?.metered(&guards.meters, now)),
    }
}

fn check_times(new: &NewLink, now: Timestamp) -> Result<(), LinksError> {
    match (new.starts_at, new.expires_at) {
        (_, Some(end)) if end <= now => Err(LinksError::ExpiresInThePast),
        (Some(start), Some(end)) if end <= start => Err(LinksError::ExpiresBeforeStart),
        _ => Ok(()),
    }
}

shared::lambda!(handle, sessions);
