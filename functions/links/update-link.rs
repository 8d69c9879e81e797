//! `PATCH /api/links/{slug}`: its owner changes a link; `null` clears what may be absent.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let owner = LinkOwner::within(app, request, request.slug(), Limit::LinkChanges).await?;
    let change: LinkChange = request.json()?;
    let now = request.now();
    match (&change.starts_at, &change.expires_at) {
        (_, Patch::Set(end)) if *end <= now => return Err(LinksError::ExpiresInThePast),
        (Patch::Set(start), Patch::Set(end)) if end <= start => return Err(LinksError::ExpiresBeforeStart),
        _ => {}
    }

    let changes = LinkChanges {
        is_active: change.is_active,
        title: change.title,
        description: change.description,
        pin: match change.pin {
            Patch::Set(pin) => Patch::Set(SecretHash::of(pin.as_str()).await),
            Patch::Clear => Patch::Clear,
            Patch::Keep => Patch::Keep,
        },
        starts_at: change.starts_at,
        expires_at: change.expires_at,
        max_messages: change.max_messages,
    };
    if changes.is_empty() {
        return Err(LinksError::NothingToChange);
    }
    match app.store.update_link(owner.link(), &changes).await? {
        store::Updated::Done(link) => Ok(Reply::ok(&FoundLinkBody { link: LinkBody::of(&link, now) })),
        store::Updated::ExpiresBeforeStart => Err(LinksError::ExpiresBeforeStart),
        store::Updated::Gone => Err(LinksError::LinkNotFound),
    }
}

shared::lambda!(handle);
