//! `DELETE /api/v1/communities/{community_id}/messages/{id}`: the sender of the last message of a conversation takes it back, also after
//! having left, or while blocked.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, CommunitiesError> {
    Presented::by(app, request)?;
    let named: Option<(CommunityId, CommunityMessageId)> = request.path("community_id").zip(request.path("id"));
    let head = async {
        match named {
            Some((community, id)) => app.store.community_head(community, id.tag()).err_into().await,
            None => Ok(None),
        }
    };
    let (visit, head) = try_join!(Visit::to(app, request), head)?;
    let (id, head) = named.map(|(_, id)| id).zip(head).ok_or(CommunitiesError::MessageNotFound)?;
    match app.store.take_message_back(id, visit.user(), head).await? {
        store::TakenBack::Done => Ok(Reply::ok(&json!({ "message": "Message deleted successfully" }))),
        store::TakenBack::NotFound => Err(CommunitiesError::MessageNotFound),
        store::TakenBack::NotTheLast => Err(CommunitiesError::NotTheLast),
        store::TakenBack::NotTheSender => Err(CommunitiesError::NotTheSender),
    }
}

shared::lambda!(handle, sessions);
