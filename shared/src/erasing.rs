//! The remains of an account, in the table and in the bucket: removed in bounded steps that can be repeated.
//!
//! A conversation stays with the one who is left in it, as a letter stays with its recipient; it goes with the second of the two.

use futures_util::{future::try_join_all, try_join};

use crate::{
    app::App,
    store::{Erasure, Side, StoreError},
};

/// Conversations that one step leaves.
const STEP: i32 = 10;

/// Removes some of what an account left; `false` when there is nothing left.
pub async fn erase_some(app: &App, erasure: &Erasure) -> Result<bool, StoreError> {
    let sides = app.store.some_sides(erasure.user_id, STEP).await?;
    if sides.is_empty() {
        let more = app.store.remove_remains(erasure).await?;
        return if more { Ok(true) } else { app.attachments.remove_some_uploads(erasure.user_id).await };
    }
    try_join_all(sides.iter().map(|side| leave(app, erasure, side))).await?;
    Ok(true)
}

/// Leaves a conversation. A long one that nobody reads any more takes several steps.
async fn leave(app: &App, erasure: &Erasure, side: &Side) -> Result<(), StoreError> {
    let (user, conversation) = (erasure.user_id, side.conversation);
    if app.store.leave(user, side).await? {
        let (objects, messages) =
            try_join!(app.attachments.remove_some(conversation), app.store.remove_private_messages(conversation),)?;
        if objects || messages {
            return Ok(());
        }
    }
    app.store.forget_side(user, conversation).await
}
