//! `POST /api/cards/upload`: gives a shared message its card, a PNG that everyone may see.

use shared::prelude::*;

const MAX_FILE: usize = 4 * 1024 * 1024;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let form = request.form(["shareToken"], MAX_FILE, "The card must not be larger than 4 MiB").await?;
    let [share_token] = &form.texts;

    let begin = NewRequest::begin_with_content(app, request, Creation::Card, share_token, &[""], &form.file);
    let (begun, shared) = join!(begin, SharedMessage::by_token(app, share_token));
    let mut new = match begun? {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };
    let shared = shared?;
    let replace = LinkOwner::is_present(request, &shared.link)?;
    if shared.message.card && !replace {
        // The card that is there may be the very one that this request repeats.
        return new.replay(app).await?.ok_or(LinksError::CardExists);
    }
    let png = clean_card(form.file).await.map_err(|unfit| match unfit {
        NotACard::TooLarge => LinksError::CardTooLarge,
        NotACard::Unreadable => LinksError::CardUnreadable,
    })?;

    let stored = app.cards.put(share_token, png, replace).await?;
    let answer = CardBody { url: app.cards.url(share_token), filename: Cards::filename(share_token) };
    let answer = json!(answer).to_string();
    let (link, id) = (shared.link.id, shared.message.id);
    if stored == cards::Stored::Other {
        // Somebody else's card. Its upload may have stopped before the message knew of it.
        let mut context = store::WriteContext::without_answer(request.now());
        app.store.mark_card(link, id, false, &answer, &mut context).await?;
        return Err(LinksError::CardExists);
    }
    // If the stored card is the one that was just uploaded, marking it succeeds even if a twin request marked it first.
    let own = replace || stored == cards::Stored::Now || new.has_key();
    let marked = app.store.mark_card(link, id, own, &answer, &mut new.context).await?;
    // A deletion that began meanwhile may have looked for cards already.
    let is_gone = match &marked {
        Written::Done(_) => SharedMessage::is_gone(app, share_token).await,
        Written::Refused(store::CardRefused::NoMessage) => true,
        _ => false,
    };
    if is_gone {
        app.cards.delete(share_token).await?;
        return Err(LinksError::MessageNotFound);
    }
    new.finish(app, Ok(marked), |_| LinksError::CardExists).await
}

shared::lambda!(handle);
