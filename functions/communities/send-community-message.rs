//! `POST /api/v1/communities/{community_id}/messages`: the signed-in user writes to the creator of a community, or as its creator to a
//! member. The first message begins their conversation.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, Undelivered> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let community = request.path::<CommunityId>("community_id").map(|id| id.to_string());
    let scope = format!("{user} {}", community.unwrap_or_default());
    let by_user = user.to_string();
    let targets = [by_user.as_str()];

    let asked = request.json_with::<NewCommunityMessage>(&["content"], CommunityText::BLANK);
    let recipient = asked.as_ref().ok().map(|asked| asked.recipient_id);
    let begin = NewRequest::begin(app, request, Creation::CommunityMessage, &scope, &targets);
    let begin = async || Ok(if recipient.is_some() { Some(begin.await) } else { None });
    let (pair, begun) = MemberPair::with(app, request, session, recipient, begin).await?;
    // Errors of the body come after those of the session and of the community.
    let asked = asked?;
    let mut new = match begun.transpose()?.ok_or(CommunitiesError::Unreachable)? {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };
    let reachable = pair.conversation().filter(|(member, _)| member.may_write() && pair.has_account());
    let (member, thread) = reachable.ok_or(CommunitiesError::Unreachable)?;

    let (community, recipient) = (pair.access.community.id, asked.recipient_id);
    let tag = app.tokens.conversation_tag(community, member.user_id);
    let draft = store::CommunityDraft { community, tag, member, sender: user, recipient, content: &asked.content };
    let users = pair.bodies(recipient);
    let answer = |message: &CommunityMessage| json!(CommunityMessageBody::of(message, users)).to_string();
    let written = app.store.send_community_message(&draft, thread.cloned(), answer, &mut new.context).await;
    new.finish(app, written, |store::Unreachable| CommunitiesError::Unreachable.into()).await
}

shared::lambda!(handle, sessions);
