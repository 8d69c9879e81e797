//! `DELETE /api/links/{slug}`: its owner removes a link with its messages and cards, for good. Nobody else gets its slug for 30 days.

use std::time::{Duration, Instant};

use shared::prelude::*;

/// After this time the caller has to repeat the request. It ends well before the function's own time-out.
const PATIENCE: Duration = Duration::from_secs(20);

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let started = Instant::now();
    let owner = LinkOwner::of_remains(app, request, request.slug());
    let (owner, taken) = join!(owner, app.limits.take(Limit::LinkChanges, ""));
    let owner = owner?;
    taken?;
    let link = owner.link();

    app.store.close_link(link).await?;
    while app.store.remove_messages(link.id).await? {
        if started.elapsed() > PATIENCE {
            return Err(LinksError::StillDeleting);
        }
    }
    // Now no message is left that an upload could give a card.
    app.cards.delete_all(link.id).await?;
    app.store.forget_link(link, request.now()).await?;
    Ok(Reply::ok(&LinkDone::DONE))
}

shared::lambda!(handle);
