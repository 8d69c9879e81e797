//! `GET /api/v1/communities/{community_id}/messages/{id}`: the messages between the caller and the user `id`, oldest first. They stay
//! readable to both when the member has left or was blocked.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let other: Option<UserId> = request.path("id");
    let pair = MemberPair::of(app, request, other).await?;
    let pagination = NumberedPagination::of(request)?;
    let other = other.ok_or(CommunitiesError::NotInConversation)?;
    let (_, thread) = pair.conversation().ok_or(CommunitiesError::NotInConversation)?;

    let (total, messages) = match thread {
        Some(thread) => {
            (thread.message_count, app.store.community_messages(thread, pagination.offset, pagination.size).await?)
        }
        None => (0, Vec::new()),
    };
    let users = pair.bodies(other);
    let data = messages.iter().map(|message| CommunityMessageBody::of(message, users)).collect();
    Ok(Reply::ok(&pagination.page(total, data)))
}

shared::lambda!(handle, sessions);
