//! `POST /api/links/{slug}/messages`: anyone writes to a link. Nothing about who it was is kept with the message.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let now = request.now();
    let slug: Slug = request.path("slug").ok_or(LinksError::LinkNotFound)?;
    let gate = app.limits.admit(&app.tokens, Limit::LinkMessages, request.client(), slug.as_str(), now)?;
    let NewLinkMessage { content, pin } = request.json()?;
    let once = request.once(app, "send-link-message", slug.as_str())?;

    let reads = try_join!(app.store.link(&slug), gate.meter(&app.store), app.store.repeat(once.as_ref()));
    let (link, meter, repeat) = reads?;
    if let Some(repeat) = repeat {
        return Ok(Reply::repeated(repeat)?.metered(meter.as_ref(), now));
    }
    let link = link.ok_or(LinksError::LinkNotFound)?;
    match (link.status(now), link.starts_at) {
        (LinkStatus::Paused, _) => return Err(LinksError::Paused),
        (LinkStatus::Expired, _) => return Err(LinksError::Expired),
        (LinkStatus::Scheduled, start) => return Err(LinksError::NotStarted(start.unwrap_or(now))),
        (LinkStatus::Active, _) => {}
    }
    let admitted = match PinPassed::to(app, request, &link, pin).await? {
        Ok(admitted) => admitted,
        // What fills the window may be the very requests that this one repeats.
        Err(too_many) => match app.store.late_repeat(once.as_ref()).await? {
            Some(repeat) => return Ok(Reply::repeated(repeat)?.metered(meter.as_ref(), now)),
            None => return Err(too_many.into()),
        },
    };

    let id = LinkMessageId::new(now, random());
    let message = LinkMessage { id, content, slug, created_at: now, owner: link.owner, card: false };
    let mut guards =
        Guards { meters: meter.into_iter().collect(), once, answer: json!(LinkDone::DONE).to_string(), now };
    let (sent, ()) = join!(app.store.send_link_message(link, &message, &mut guards), admitted.uncount(app));
    match sent? {
        store::Sent::Stored => Ok(Reply::created(guards.answer).metered(&guards.meters, now)),
        store::Sent::Full => Err(LinksError::Full),
        store::Sent::Gone => Err(LinksError::LinkNotFound),
        store::Sent::Stopped(stopped) => Ok(Reply::stopped(stopped)?.metered(&guards.meters, now)),
    }
}

shared::lambda!(handle);
