//! `GET /api/links/{slug}/messages`: its owner reads a link's messages, newest first.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let owner = LinkOwner::of(app, request, request.slug()).await?;
    let link = owner.link();
    let pagination = Pagination::of(app, request, "link messages", link.id)?;

    let page = app.store.link_messages(link.id, pagination.after, pagination.size).await?;
    // If the first page is the last one, its length is the count.
    let count = match (pagination.after, page.has_more) {
        (None, false) => page.items.len() as u64,
        _ => app.store.message_count(link, request.now()).await?,
    };
    let next_cursor = pagination.next_cursor(&app.tokens, page.next(|last| last.id));
    let messages = page.items.into_iter().map(|message| LinkMessageBody {
        id: message.id,
        share_token: app.tokens.share_token(link.id, message.id),
        content: message.content,
        created_at: message.created_at,
    });
    Ok(Reply::ok(&LinkMessagesBody {
        link: OwnLinkBody { link: LinkBody::of(link, request.now()), message_count: count },
        messages: messages.collect(),
        next_cursor,
    }))
}

shared::lambda!(handle);
