//! `DELETE /api/links/{slug}/messages/{id}`: its owner removes a message, and its card.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let owner = LinkOwner::within(app, request, request.slug(), Limit::LinkChanges).await?;
    let id: LinkMessageId = request.path("id").ok_or(LinksError::MessageNotFound)?;
    let share_token = app.tokens.share_token(owner.link().id, id);

    // The card goes before the message, so that a deletion that stops half-way can be repeated, and again after it, for an
    // upload that came in between.
    app.cards.delete(&share_token).await?;
    let deleted = app.store.delete_link_message(owner.into_link(), id).await?;
    app.cards.delete(&share_token).await?;
    if deleted { Ok(Reply::ok(&LinkDone::DONE)) } else { Err(LinksError::MessageNotFound) }
}

shared::lambda!(handle);
