//! How far a user has got in a conversation: one write to the user's own side of it, however many messages that marks.
//!
//! The user's marks are kept twice: as the user sees them, and as the partner is shown them. While the user blocks the partner, only
//! the first ones move on. So a block hides later marks, and its end reveals none of them.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{Collisions, Participant, PrivateMessage, Store, StoreError, Update, from_item, keys::Key, number, text};
use crate::types::{PrivateMessageId, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Delivered,
    Seen,
}

impl Mark {
    /// The attribute of the user's own mark, and that of the mark that the partner is shown.
    const fn attributes(self) -> [&'static str; 2] {
        match self {
            Self::Delivered => ["delivered_upto", "delivered_shown"],
            Self::Seen => ["seen_upto", "seen_shown"],
        }
    }

    /// Which of the two a mark at `message` would move on.
    fn moves(self, own: &Participant, message: PrivateMessageId) -> [bool; 2] {
        let is_ahead = |upto: Option<PrivateMessageId>| upto.is_none_or(|upto| upto < message);
        let [upto, shown] = own.upto_and_shown(self);
        [is_ahead(upto), !own.blocks && is_ahead(shown)]
    }
}

impl Store {
    /// Everything up to `message` is delivered to, or seen by, the user. A mark that is further on stays. `own` is the user's
    /// side as last read. Returns it as it is then, or `None` if the user has none any more.
    pub async fn mark(
        &self,
        user: UserId,
        mut own: Participant,
        message: &PrivateMessage,
        mark: Mark,
    ) -> Result<Option<Participant>, StoreError> {
        let mut collisions = Collisions::default();
        loop {
            let moves = mark.moves(&own, message.id);
            if moves == [false, false] {
                return Ok(Some(own));
            }
            match self.move_marks(user, &own, message, mark, moves).await? {
                Update::Done(item) => return from_item(item).map(Some),
                Update::Refused(None) => return Ok(None),
                // Another mark, a block or a deletion came in between.
                Update::Refused(Some(item)) => own = from_item(item)?,
            }
            if !collisions.pause().await {
                return Err(StoreError::Busy("a side of a conversation changed too often during a mark"));
            }
        }
    }

    /// Moves the marks on, if what `own` says of them still holds.
    async fn move_marks(
        &self,
        user: UserId,
        own: &Participant,
        message: &PrivateMessage,
        mark: Mark,
        moves: [bool; 2],
    ) -> Result<Update, StoreError> {
        let [own_mark, shown_mark] = mark.attributes();
        // Both move on where the own one does, unless there is a block: it is never behind the other one.
        let behind = if moves[0] { own_mark } else { shown_mark };
        let blocks = if own.blocks { "attribute_exists(blocks)" } else { "attribute_not_exists(blocks)" };
        let mut condition =
            format!("attribute_exists(last_id) AND {blocks} AND (attribute_not_exists({behind}) OR {behind} < :id)");
        let marks = mark.attributes().into_iter().zip(moves).filter(|(_, moves)| *moves);
        let mut set: Vec<String> = marks.map(|(name, _)| format!("{name} = :id")).collect();
        let mut values = vec![(":id", text(message.id))];
        let mut remove = "";
        if mark == Mark::Seen && moves[0] {
            set.push("seen_count = :count".to_owned());
            values.push((":count", number(message.count_for(user))));
            match own.taken_back {
                0 => condition.push_str(" AND attribute_not_exists(taken_back)"),
                known => {
                    condition.push_str(" AND taken_back = :known");
                    values.push((":known", number(known)));
                }
            }
            match self.taken_back_after(user, own, message.id).await? {
                0 => remove = " REMOVE taken_back",
                left => {
                    set.push("taken_back = :left".to_owned());
                    values.push((":left", number(left)));
                }
            }
        }
        self.update(Key::participant(user, message.conversation), |update| {
            let update = update
                .update_expression(format!("SET {}{remove}", set.join(", ")))
                .condition_expression(condition)
                .return_values(ReturnValue::AllNew);
            values.into_iter().fold(update, |update, (name, value)| update.expression_attribute_values(name, value))
        })
        .await
    }
}
