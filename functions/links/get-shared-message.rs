//! `GET /api/messages/{id}`: one message that its link's owner has shared.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let share_token = request.path_text("id").unwrap_or_default();
    let shared = SharedMessage::by_token(app, share_token).await?;
    Ok(Reply::ok(&FoundMessageBody {
        message: SharedMessageBody {
            card_url: shared.message.card.then(|| app.cards.url(share_token)),
            content: shared.message.content,
            link_title: shared.link.title,
            created_at: shared.message.created_at,
        },
    }))
}

shared::lambda!(handle);
