//! A message as whoever holds its share token finds it.

use crate::{
    app::App,
    http::LinksError,
    store::{Link, LinkMessage},
};

pub struct SharedMessage {
    pub message: LinkMessage,
    pub link: Link,
}

impl SharedMessage {
    /// Gone together with its message or its link.
    pub async fn by_token(app: &App, share_token: &str) -> Result<Self, LinksError> {
        let (link, id) = app.tokens.read_share_token(share_token).ok_or(LinksError::MessageNotFound)?;
        let message = app.store.link_message(link, id).await?.ok_or(LinksError::MessageNotFound)?;
        match app.store.link(&message.slug).await? {
            Some(found) if found.id == link => Ok(Self { message, link: found }),
            _ => Err(LinksError::MessageNotFound),
        }
    }

    /// Whether the message or its link is known to be gone. A store that can't tell says nothing of the kind.
    pub async fn is_gone(app: &App, share_token: &str) -> bool {
        matches!(Self::by_token(app, share_token).await, Err(LinksError::MessageNotFound))
    }
}
