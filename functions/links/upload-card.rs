//! `POST /api/cards/upload`: gives a shared message its card, a PNG that everyone may see.

use shared::prelude::*;

const MAX_FILE: usize = 4 * 1024 * 1024;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let form = request.form(["shareToken"], MAX_FILE, "The card must not be larger than 4 MiB").await?;
    let [share_token] = &form.texts;
    let once = request.once_by_file(app, "upload-card", share_token, &form.file)?;

    let (shared, repeat) = join!(SharedMessage::by_token(app, share_token), app.store.repeat(once.as_ref()));
    if let Some(repeat) = repeat? {
        return Ok(Reply::repeated(repeat)?);
    }
    let shared = shared?;
    let replace = LinkOwner::is_present(request, &shared.link)?;
    if shared.message.card && !replace {
        // The first request with this key may have stored this card.
        return match app.store.repeat(once.as_ref()).await? {
            Some(repeat) => Ok(Reply::repeated(repeat)?),
            None => Err(LinksError::CardExists),
        };
    }
    let png = clean_card(form.file).await.map_err(|unfit| match unfit {
        NotACard::TooLarge => LinksError::CardTooLarge,
        NotACard::Unreadable => LinksError::CardUnreadable,
    })?;

    let stored = app.cards.put(share_token, png, replace).await?;
    let answer = CardBody { url: app.cards.url(share_token), filename: Cards::filename(share_token) };
    let mut guards = Guards { meters: Vec::new(), once, answer: json!(answer).to_string(), now: request.now() };
    if stored == cards::Stored::Other {
        // Somebody else's card. Its upload may have stopped before it marked the message.
        guards.once = None;
        app.store.mark_card(shared.link.id, shared.message.id, false, &mut guards).await?;
        return Err(LinksError::CardExists);
    }
    // If the stored card is the one that this request uploads, marking it succeeds even if a twin request marked it
    // first.
    let own = replace || stored == cards::Stored::Now || guards.once.is_some();
    match app.store.mark_card(shared.link.id, shared.message.id, own, &mut guards).await? {
        // A deletion that began meanwhile may have looked for cards already.
        store::CardMarked::Done if !SharedMessage::is_gone(app, share_token).await => Ok(Reply::created(guards.answer)),
        store::CardMarked::Done | store::CardMarked::NoMessage => {
            app.cards.delete(share_token).await?;
            Err(LinksError::MessageNotFound)
        }
        store::CardMarked::Before => Err(LinksError::CardExists),
        store::CardMarked::Stopped(stopped) => Ok(Reply::stopped(stopped)?),
    }
}

shared::lambda!(handle);
