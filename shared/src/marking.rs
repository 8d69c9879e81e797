//! Marking how far a user has got in a conversation: the same whether messages were delivered or seen.

use futures_util::{TryFutureExt, try_join};
use serde::Deserialize;
use serde_json::json;

use crate::{
    app::App,
    auth::{TrustedCaller, UnverifiedSession},
    http::{PrivateError, Reply, Request},
    store::{Mark, Participant},
    types::{ConversationId, PrivateMessageId},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Upto {
    message_id: PrivateMessageId,
}

/// Marks everything up to the message that the body names.
pub async fn mark_upto(app: &App, request: &Request, mark: Mark) -> Result<Reply, PrivateError> {
    let conversation = request.path("conversationId").ok_or(PrivateError::BadId("conversationId"));
    let (presented, conversation): (_, ConversationId) =
        UnverifiedSession::by(app, request)?.asks(app, conversation).await?;
    let user = presented.user();
    let upto = request.json::<Upto>();
    let message = async {
        match &upto {
            Ok(Upto { message_id }) => app.store.private_message(conversation, *message_id).await,
            Err(_) => Ok(None),
        }
    };

    let (_, own, message) = try_join!(
        TrustedCaller::of(app, presented).map_err(PrivateError::from),
        app.store.participant(user, conversation).err_into(),
        message.err_into(),
    )?;
    let Upto { message_id } = upto?;
    own.filter(Participant::has_begun).ok_or(PrivateError::NotAMember)?;
    let message = message.ok_or(PrivateError::MessageNotFound)?;
    let marked = app.store.mark(user, &message, mark).await?.ok_or(PrivateError::NotAMember)?;
    let data = json!({ "conversationId": conversation, "messageId": message_id, "unreadCount": marked.unread() });
    Ok(Reply::processed(&data, request.now()))
}
