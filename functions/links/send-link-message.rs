//! `POST /api/links/{slug}/messages`: anyone writes to a link. Nothing about who it was is kept with the message.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let now = request.now();
    let slug = request.slug().ok_or(LinksError::LinkNotFound)?;
    let NewLinkMessage { content, pin } = request.json()?;

    let begin = NewRequest::begin_to_link(app, request, &slug, pin.is_some());
    let (begun, attempt) = join!(begin, PinAttempt::begin(app, &slug, pin));
    let (link, mut new) = match begun? {
        Begun::New(new) => new,
        Begun::Replay(first_answer) => return Ok(first_answer),
    };
    let pin = match attempt.check(&link).await {
        Ok(pin) => pin,
        // The window may be full of the very requests that this one repeats.
        Err(error) if error.is_over_limit() => return new.replay(app).await?.ok_or(error),
        Err(error) => return Err(error),
    };

    let id = LinkMessageId::new(now, random());
    let message = LinkMessage { id, content, slug, created_at: now, owner: link.owner, card: false };
    let answer = json!(LinkDone::DONE).to_string();
    let send = app.store.send_link_message(link, &message, &answer, &mut new.context);
    let (written, ()) = join!(send, pin.succeeded());
    new.finish(app, written, |refused| match refused {
        store::SendRefused::Full => LinksError::Full,
        store::SendRefused::Gone => LinksError::LinkNotFound,
    })
    .await
}

shared::lambda!(handle);
