//! How far a user has got in a conversation: one write to the user's own side of it, however many messages that marks.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{Participant, PrivateMessage, Store, StoreError, Update, from_item, keys::Key, number, text};
use crate::types::UserId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Delivered,
    Seen,
}

impl Store {
    /// Everything up to `message` is delivered to, or seen by, the user; what was marked further on stays so. The user's side as
    /// it then is; `None` when the user has none.
    pub async fn mark(
        &self,
        user: UserId,
        message: &PrivateMessage,
        mark: Mark,
    ) -> Result<Option<Participant>, StoreError> {
        let (expression, condition) = match mark {
            Mark::Delivered => {
                ("SET delivered_upto = :id", "attribute_not_exists(delivered_upto) OR delivered_upto < :id")
            }
            Mark::Seen => {
                ("SET seen_upto = :id, seen_count = :count", "attribute_not_exists(seen_upto) OR seen_upto < :id")
            }
        };
        let marked = self.update(Key::participant(user, message.conversation), |update| {
            let update = update
                .update_expression(expression)
                .condition_expression(format!("attribute_exists(last_id) AND ({condition})"))
                .expression_attribute_values(":id", text(message.id))
                .return_values(ReturnValue::AllNew);
            match mark {
                Mark::Delivered => update,
                Mark::Seen => update.expression_attribute_values(":count", number(message.count_for(user))),
            }
        });
        match marked.await? {
            Update::Done(item) => from_item(item).map(Some),
            Update::Refused(item) => item.map(from_item).transpose(),
        }
    }
}
