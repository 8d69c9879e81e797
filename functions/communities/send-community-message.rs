//! `POST /api/v1/communities/{community_id}/messages`: the signed-in user writes to the creator of a community, or as its creator to a
//! member. The first message begins their conversation.

use shared::prelude::*;

async fn handle(app: &App, request: &Request) -> Result<Reply, Undelivered> {
    let session = UnverifiedSession::by(app, request)?;
    let user = session.user();
    let scope = format!("{user} {}", request.path_text("community_id").unwrap_or_default());
    let new = request.json_with::<NewCommunityMessage>(&["content"], CommunityText::BLANK);
    let (once, new) = request.asked(app, "send-community-message", &scope, new);
    let recipient = new.as_ref().ok().map(|new| new.recipient_id);
    let (pair, repeat) =
        MemberPair::with(app, request, session, recipient, async || app.store.repeat(once.as_ref()).await).await?;
    // Errors of the body come after those of the session and of the community.
    let NewCommunityMessage { recipient_id, content } = new?;
    if let Some(repeat) = repeat {
        return Ok(Reply::repeated(repeat)?);
    }
    let reachable = pair.conversation().filter(|(member, _)| member.may_write() && pair.has_account());
    let (member, thread) = reachable.ok_or(CommunitiesError::Unreachable)?;

    let community = pair.access.community.id;
    let tag = app.tokens.conversation_tag(community, member.user_id);
    let draft =
        store::CommunityDraft { community, tag, member, sender: user, recipient: recipient_id, content: &content };
    let users = pair.bodies(recipient_id);
    let answer = |message: &CommunityMessage| json!(CommunityMessageBody::of(message, users)).to_string();
    let mut guards = Guards { meters: Vec::new(), once, answer: String::new(), now: request.now() };
    match app.store.send_community_message(&draft, thread.cloned(), answer, &mut guards).await? {
        store::SentToCommunity::Done => Ok(Reply::created(guards.answer)),
        store::SentToCommunity::Refused => Err(CommunitiesError::Unreachable.into()),
        store::SentToCommunity::Stopped(stopped) => Ok(Reply::stopped(stopped)?),
    }
}

shared::lambda!(handle, sessions);
