//! `GET /api/links/{slug}/messages`: its owner reads a link's messages, newest first.

use shared::prelude::*;

#[derive(Serialize)]
struct Message {
    id: LinkMessageId,
    content: LinkText,
    share_token: String,
    created_at: Timestamp,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let owner = LinkOwner::of(app, request, request.path("slug")).await?;
    let link = owner.link();
    let size = request.query_as("limit")?.unwrap_or(PageSize::MAX);
    let before = request.cursor(app, link.id.as_bytes())?.map(LinkMessageId::from_bytes);

    let page = app.store.link_messages(link.id, before, size).await?;
    // A first page that is the last one counts itself.
    let count = match (before, page.next) {
        (None, None) => page.messages.len() as u64,
        _ => app.store.message_count(link, request.now()).await?,
    };
    let messages: Vec<Message> = page
        .messages
        .into_iter()
        .map(|message| Message {
            id: message.id,
            share_token: app.tokens.share_token(link.id, message.id),
            content: message.content,
            created_at: message.created_at,
        })
        .collect();
    let next_cursor = page.next.map(|last| app.tokens.sign(Purpose::Cursor, link.id.as_bytes(), last.as_bytes()));
    Ok(Reply::ok(&json!({
        "link": LinkBody::of(link, request.now()).with_count(count),
        "messages": messages,
        "next_cursor": next_cursor,
    })))
}

shared::lambda!(handle);
