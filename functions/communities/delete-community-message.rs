//! `DELETE /api/v1/communities/{community_id}/messages/{id}`: the sender of the last message of a conversation takes
//! it back. Senders who left or are blocked may do so, too.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    let session = UnverifiedSession::by(app, request)?;
    let named: Option<(CommunityId, CommunityMessageId)> = request.path("community_id").zip(request.path("id"));
    let (access, thread) =
        CommunityAccess::within(app, request, session, Limit::CommunityMessages, async || match named {
            Some((community, id)) => app.store.community_thread(community, id.tag()).await,
            None => Ok(None),
        })
        .await?;
    let (id, thread) = named.map(|(_, id)| id).zip(thread).ok_or(CommunitiesError::MessageNotFound)?;
    match app.store.take_message_back(id, access.user(), thread).await? {
        store::TakenBack::Done => Ok(Reply::ok(&Said::new(CommunityMessageDeleted))),
        store::TakenBack::NotFound => Err(CommunitiesError::MessageNotFound),
        store::TakenBack::NotTheLast => Err(CommunitiesError::NotTheLast),
        store::TakenBack::NotTheSender => Err(CommunitiesError::NotTheSender),
    }
}

shared::lambda!(handle, sessions);
