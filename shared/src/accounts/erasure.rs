//! Removing the remains of an account, in the table and in the bucket, in bounded steps that can be repeated.
//!
//! A private conversation stays as long as one of its two users has an account. A member's conversation in a community
//! stays with the creator. A community, with all its messages, is removed with its creator.

use futures_util::{future::try_join_all, try_join};

use crate::{
    app::App,
    store::{Erasure, Membership, Participant, StoreError},
    types::UserId,
};

/// How many conversations, and how many communities, one step leaves.
const STEP: i32 = 10;

/// Removes some of the remains of an account. `false` when nothing is left.
pub async fn erase_some(app: &App, erasure: &Erasure) -> Result<bool, StoreError> {
    let user = erasure.user_id;
    let (participants, memberships) =
        try_join!(app.store.some_participants(user, STEP), app.store.some_memberships(user, STEP))?;
    if participants.is_empty() && memberships.is_empty() {
        let more = app.store.remove_remains(erasure).await?;
        return if more { Ok(true) } else { app.attachments.remove_some_uploads(erasure.user_id).await };
    }
    try_join!(
        try_join_all(participants.iter().map(|participant| leave(app, erasure, participant))),
        try_join_all(memberships.iter().map(|membership| leave_community(app, user, membership))),
    )?;
    Ok(true)
}

/// Leaves a community, or closes one that the user created. Closing a community of many members takes many steps.
async fn leave_community(app: &App, user: UserId, membership: &Membership) -> Result<(), StoreError> {
    let community = membership.community;
    if membership.is_creator {
        app.store.close_community(community).await?;
        if app.store.empty_community(community, |member| app.tokens.conversation_tag(community, member)).await? {
            return Ok(());
        }
    } else {
        app.store.leave_community(community, user).await?;
    }
    app.store.forget_membership(user, community).await
}

/// Leaves a conversation. If the partner has left, too, its messages are removed, in several steps if it is long.
async fn leave(app: &App, erasure: &Erasure, participant: &Participant) -> Result<(), StoreError> {
    let (user, conversation) = (erasure.user_id, participant.conversation);
    if app.store.leave(user, participant).await? {
        let (objects, messages) =
            try_join!(app.attachments.remove_some(conversation), app.store.remove_private_messages(conversation))?;
        if objects || messages {
            return Ok(());
        }
    }
    app.store.forget_side(user, conversation).await
}
