//! `GET /api/v1/communities/{community_id}/messages/conversations`: the creator sees all conversations of a community,
//! newest activity first. A member, also a former one, sees the own conversation. Conversations of blocked members are
//! left out for both sides.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let session = UnverifiedSession::by(app, request)?;
    let (user, id) = (session.user(), request.path::<CommunityId>("community_id"));
    let (access, (count, own)) = CommunityAccess::with(app, request, session, async || {
        let Some(id) = id else { return Ok((0, None)) };
        let thread = app.store.community_thread(id, app.tokens.conversation_tag(id, user));
        try_join!(app.store.community_conversation_count(id), thread)
    })
    .await?;
    let pagination = NumberedPagination::of(request)?;
    let NumberedPagination { offset, size } = pagination;

    let creator = access.community.creator;
    let (total, threads) = if access.is_creator() {
        (count, app.store.community_conversations(access.community.id, offset, count, size).await?)
    } else {
        access.member.as_ref().ok_or(CommunitiesError::NotAMember)?;
        let own: Vec<_> = own.into_iter().filter(store::Thread::is_listed).collect();
        (own.len() as u64, if offset == 0 { own } else { Vec::new() })
    };
    let (previews, names) = app.store.community_previews(threads, creator).await?;
    let person = |id| PersonBody::of(id, names.iter().find(|(named, _)| *named == id).map(|(_, name)| name));
    let listed = previews.iter().map(|store::CommunityPreview { thread, last }| CommunityConversationBody {
        id: thread.id,
        updated_at: thread.updated_at(),
        user: person(if access.is_creator() { thread.member_id } else { creator }),
        latest_message: LatestMessageBody {
            id: last.id,
            content: &last.content,
            created_at: last.id.made_at(),
            sender: person(last.sender),
        },
    });
    Ok(Reply::ok(&pagination.page(total, listed.collect())))
}

shared::lambda!(handle, sessions);
