//! `GET /api/v1/communities/{community_id}/messages/{id}`: the messages between the caller and the user `id`, oldest first. They stay
//! readable to both when the member has left or was blocked.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let other: Option<UserId> = request.path("id");
    let pair = MemberPair::of(app, request, other).await?;
    let (page, size) = numbered_page(request)?;
    let other = other.ok_or(CommunitiesError::NotInConversation)?;
    let (_, thread) = pair.conversation().ok_or(CommunitiesError::NotInConversation)?;

    let offset = page.offset(size);
    let (total, messages) = match thread {
        Some(thread) => (thread.message_count, app.store.community_messages(thread, offset, size).await?),
        None => (0, Vec::new()),
    };
    let users = pair.bodies(other);
    let data = messages.iter().map(|message| CommunityMessageBody::of(message, users)).collect();
    Ok(Reply::ok(&NumberedPage::of(total, offset.saturating_add(size.get() as u64), data)))
}

shared::lambda!(handle, sessions);
