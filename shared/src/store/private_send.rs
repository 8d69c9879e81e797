//! Sending a private message. One transaction updates both participant items and stores the message.

use super::{
    Collisions, Item, Media, Participant, PrivateMessage, Refused, Store, StoreError,
    conversation::Progress,
    from_item,
    keys::Key,
    text, to_item,
    write::{TRIES, WriteContext, Written},
};
use crate::{
    tokens::random,
    types::{AssetSet, ConversationId, MessageKind, PrivateMessageId, PrivateText, UserId},
};

/// A message that has no place in its conversation yet.
pub struct PrivateDraft {
    pub conversation: ConversationId,
    pub sender: UserId,
    pub recipient: UserId,
    pub kind: MessageKind,
    pub content: PrivateText,
    pub media: Vec<Media>,
}

/// Why a private message is not sent.
pub enum PrivateRefused {
    /// Either has blocked the other.
    Blocked,
    /// The recipient's account has gone.
    NoRecipient,
}

impl PrivateDraft {
    fn assets(&self) -> Option<AssetSet> {
        self.media.first().map(|media| media.asset.set())
    }

    /// The message as it is stored. It names its recipient for the notifications.
    fn item(&self, message: &PrivateMessage) -> Result<Item, StoreError> {
        let mut item = to_item(Key::private_message(self.conversation, message.id), message)?;
        item.insert("recipient".to_owned(), text(self.recipient));
        Ok(item)
    }

    /// The message, behind what the conversation has come to.
    fn follow(&self, before: Progress, context: &WriteContext) -> PrivateMessage {
        let id = PrivateMessageId::after(before.last, context.now, random());
        PrivateMessage {
            id,
            conversation: self.conversation,
            sender: self.sender,
            kind: self.kind,
            content: self.content.as_str().to_owned(),
            media: self.media.clone(),
            is_deleted: false,
            updated_at: id.made_at(),
            by_sender: before.sent + 1,
            by_partner: before.received,
        }
    }
}

impl Store {
    /// Stores a message. `own` is the sender's participant item as last read, and `answer` makes the reply's body. If
    /// another message gets in between, this tries again behind that one.
    pub async fn send_private_message(
        &self,
        draft: &PrivateDraft,
        own: Option<&Participant>,
        answer: impl Fn(&PrivateMessage) -> String,
        context: &mut WriteContext,
    ) -> Result<Written<PrivateRefused>, StoreError> {
        let PrivateDraft { conversation, sender, recipient, .. } = *draft;
        let mut before = own.map(Progress::from).unwrap_or_default();
        let mut collisions = Collisions::default();
        for _ in 0..TRIES {
            let message = draft.follow(before, context);
            let body = answer(&message);
            let (sent, received) = (message.by_sender, message.by_partner);
            let after = Progress { last: Some(message.id), sent, received };
            let (theirs, theirs_after) = (before.of_partner(), after.of_partner());
            let mut steps = vec![
                self.move_on_item(conversation, [sender, recipient], before, after),
                self.move_on_item(conversation, [recipient, sender], theirs, theirs_after),
                self.transact_put(draft.item(&message)?, None, []),
            ];
            steps.extend(draft.assets().map(|set| self.take_over_item(conversation, set)));
            let refused = match self.write(context, &body, steps).await? {
                Written::Refused(refused) => refused,
                written => return Ok(written.refused_as(|_| PrivateRefused::Blocked)),
            };
            let [own, theirs, ..] = &refused[..] else { return Err(lost(draft)) };
            let (own, theirs) = (participant(own)?, participant(theirs)?);
            if [&own, &theirs].into_iter().flatten().any(|participant| participant.blocks) {
                return Ok(Written::Refused(PrivateRefused::Blocked));
            }
            // A read may see one participant item before and the other one after another message.
            let own = own.as_ref().map(Progress::from);
            match own.or_else(|| theirs.as_ref().map(|theirs| Progress::from(theirs).of_partner())) {
                // Another message got in between.
                Some(now) if now.last != before.last => before = now,
                _ if refused[0].failed => return Err(lost(draft)),
                // The recipient's side has gone, or goes, with the account.
                _ if refused[1].failed => return Ok(Written::Refused(PrivateRefused::NoRecipient)),
                _ => return Err(lost(draft)),
            }
            if !collisions.pause().await {
                break;
            }
        }
        Err(StoreError::Busy("a conversation moved on too often during a send"))
    }
}

/// The participant item on which a write failed.
fn participant(refused: &Refused) -> Result<Option<Participant>, StoreError> {
    refused.item.clone().map(from_item).transpose()
}

/// The sender's account has gone meanwhile, or the objects were given up.
fn lost(draft: &PrivateDraft) -> StoreError {
    StoreError::Unexpected(match draft.media.is_empty() {
        true => "a message lost its sender's side during a send",
        false => "a message lost its sender's side or its objects during a send",
    })
}
