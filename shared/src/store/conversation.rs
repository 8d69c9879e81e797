//! Conversations of two users. Each user has a participant item: the partner, the newest message, the number of messages in both
//! directions, and the user's marks. A send updates both participants in its transaction. So a conversation exists once, and its
//! messages have one order.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    Mark, Page, PrivateMessage, Store, StoreError, TransactItem,
    keys::{Key, SIDES, conversations, user_partition},
    number, text,
};
use crate::types::{ConversationId, PageSize, PrivateMessageId, UserId, Username};

/// One of the two users in a conversation: the user's own item of it.
#[derive(Clone, Deserialize)]
pub struct Participant {
    pub conversation: ConversationId,
    pub partner: UserId,
    /// The newest message. Without one there is no conversation yet: one has blocked the other before it began.
    #[serde(default)]
    pub last_id: Option<PrivateMessageId>,
    /// Messages to the partner, and messages from the partner, ever.
    #[serde(default)]
    pub sent: u64,
    #[serde(default)]
    pub received: u64,
    /// Messages from the partner up to what was seen.
    #[serde(default)]
    seen_count: u64,
    /// Messages from the partner that were taken back before they were seen, behind what was seen.
    #[serde(default)]
    pub(super) taken_back: u64,
    /// How far the user has got.
    #[serde(default)]
    seen_upto: Option<PrivateMessageId>,
    #[serde(default)]
    delivered_upto: Option<PrivateMessageId>,
    /// The same as the partner is shown it. Marks that are made during a block are not shown.
    #[serde(default)]
    seen_shown: Option<PrivateMessageId>,
    #[serde(default)]
    delivered_shown: Option<PrivateMessageId>,
    /// The user has blocked the partner.
    #[serde(default)]
    pub blocks: bool,
    /// The user's account is being erased.
    #[serde(default)]
    pub has_left: bool,
}

impl Participant {
    /// Somebody has written: there is a conversation.
    pub fn has_begun(&self) -> bool {
        self.last_id.is_some()
    }

    pub fn unread(&self) -> u64 {
        self.received.saturating_sub(self.seen_count + self.taken_back)
    }

    pub fn has_seen(&self, message: PrivateMessageId) -> bool {
        self.own_marks().has_seen(message)
    }

    /// How far the user has got, and how far the partner is shown that the user has.
    pub(super) fn upto_and_shown(&self, mark: Mark) -> [Option<PrivateMessageId>; 2] {
        match mark {
            Mark::Delivered => [self.delivered_upto, self.delivered_shown],
            Mark::Seen => [self.seen_upto, self.seen_shown],
        }
    }

    /// The marks as the user sees them.
    fn own_marks(&self) -> Marks {
        Marks { delivered: self.delivered_upto, seen: self.seen_upto }
    }

    /// The marks as the partner sees them.
    fn shown_marks(&self) -> Marks {
        Marks { delivered: self.delivered_shown, seen: self.seen_shown }
    }
}

/// How far a user has got in a conversation, as one of the two sees it.
#[derive(Clone, Copy)]
pub struct Marks {
    delivered: Option<PrivateMessageId>,
    seen: Option<PrivateMessageId>,
}

impl Marks {
    pub fn has_seen(&self, message: PrivateMessageId) -> bool {
        self.seen.is_some_and(|upto| message <= upto)
    }

    /// A message that was seen was also delivered.
    pub fn was_delivered(&self, message: PrivateMessageId) -> bool {
        self.has_seen(message) || self.delivered.is_some_and(|upto| message <= upto)
    }
}

/// Both participants of a conversation, as one of the two users sees them.
#[derive(Clone, Copy)]
pub struct Participants<'a> {
    pub user: UserId,
    pub own: &'a Participant,
    /// None when the partner's account is gone.
    pub theirs: Option<&'a Participant>,
}

impl Participants<'_> {
    /// The user of the two who did not send the message, with that user's marks as this user sees them.
    pub fn reader_of(self, message: &PrivateMessage) -> Option<(UserId, Marks)> {
        if message.sender == self.user {
            self.theirs.map(|theirs| (self.own.partner, theirs.shown_marks()))
        } else {
            Some((self.user, self.own.own_marks()))
        }
    }
}

/// The last message and the counts of a conversation, as one of its users sees them. The next message follows these.
#[derive(Clone, Copy, Default)]
pub(super) struct Progress {
    pub last: Option<PrivateMessageId>,
    pub sent: u64,
    pub received: u64,
}

impl From<&Participant> for Progress {
    fn from(participant: &Participant) -> Self {
        Self { last: participant.last_id, sent: participant.sent, received: participant.received }
    }
}

impl Progress {
    /// The same as the partner sees it.
    pub fn of_partner(self) -> Self {
        Self { last: self.last, sent: self.received, received: self.sent }
    }
}

/// An entry in a list of conversations: the user's participant, and the rest.
pub struct Preview {
    pub participant: Participant,
    pub last: Option<PrivateMessage>,
    pub partner_participant: Option<Participant>,
    /// None when the partner's account is gone.
    pub partner_name: Option<Username>,
}

#[derive(Serialize, Deserialize)]
struct Named {
    id: UserId,
    username: Username,
}

impl Store {
    pub async fn participant(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<Participant>, StoreError> {
        self.get(Key::participant(user, conversation)).await
    }

    /// The conversations of a user whose last messages are older than `before`, newest activity first. The index is
    /// eventually consistent: both the list and the items in it may lag.
    pub async fn conversations(
        &self,
        user: UserId,
        before: Option<PrivateMessageId>,
        size: PageSize,
    ) -> Result<Page<Participant>, StoreError> {
        let before = before.map_or_else(|| AFTER_IDS.to_owned(), |before| before.to_string());
        let page = self.query(conversations(user), |query| {
            query
                .index_name("gsi1")
                .consistent_read(false)
                .key_condition_expression("gsi1pk = :pk AND gsi1sk < :before")
                .expression_attribute_values(":before", text(before))
                .scan_index_forward(false)
                .limit(size.get() as i32 + 1)
        });
        Page::of(page.await?, size)
    }

    /// The entries of a list for these conversations of a user, in the same order.
    pub async fn previews(&self, user: UserId, mut participants: Vec<Participant>) -> Result<Vec<Preview>, StoreError> {
        // While a conversation moves up, the index may hold it twice.
        let mut seen = HashSet::new();
        participants.retain(|participant| seen.insert(*participant.conversation.as_bytes()));
        let last =
            |participant: &Participant| Some(Key::private_message(participant.conversation, participant.last_id?));
        let (lasts, own, partners, names) = futures_util::try_join!(
            self.get_all::<PrivateMessage>(participants.iter().filter_map(last).collect(), None),
            self.get_all::<Participant>(
                participants.iter().map(|participant| Key::participant(user, participant.conversation)).collect(),
                None
            ),
            self.get_all::<Participant>(
                participants
                    .iter()
                    .map(|participant| Key::participant(participant.partner, participant.conversation))
                    .collect(),
                None
            ),
            self.usernames(participants.iter().map(|participant| participant.partner)),
        )?;
        let preview = |participant: Participant| Preview {
            last: lasts.iter().find(|last| Some(last.id) == participant.last_id).cloned(),
            partner_participant: partners
                .iter()
                .find(|partner| partner.conversation == participant.conversation)
                .cloned(),
            partner_name: names.iter().find(|(id, _)| *id == participant.partner).map(|(_, name)| name.clone()),
            participant: own
                .iter()
                .find(|own| own.conversation == participant.conversation)
                .cloned()
                .unwrap_or(participant),
        };
        Ok(participants.into_iter().map(preview).collect())
    }

    /// Whether there is an account, now.
    pub async fn has_account(&self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.get_item(Key::user(user)).await?.is_some())
    }

    /// The name of a user; none when the account is gone.
    pub async fn username_of(&self, user: UserId) -> Result<Option<Username>, StoreError> {
        let named: Option<Named> = self.get(Key::user(user)).await?;
        Ok(named.map(|Named { username, .. }| username))
    }

    /// The names of those users who have an account.
    pub async fn usernames(&self, users: impl Iterator<Item = UserId>) -> Result<Vec<(UserId, Username)>, StoreError> {
        let named: Vec<Named> = self.get_all(users.map(Key::user).collect(), Some("id, username")).await?;
        Ok(named.into_iter().map(|Named { id, username }| (id, username)).collect())
    }

    /// The write that moves `user`'s participant item on from `before` to `after`. It fails if the user has blocked
    /// the partner, or if another message got in between.
    pub(super) fn move_on_item(
        &self,
        conversation: ConversationId,
        [user, partner]: [UserId; 2],
        before: Progress,
        after: Progress,
    ) -> TransactItem {
        let unmoved = if before.last.is_some() { "last_id = :last" } else { "attribute_not_exists(last_id)" };
        let condition = format!("{unmoved} AND attribute_not_exists(blocks) AND attribute_not_exists(has_left)");
        let values = [
            (":id", after.last.map_or(AttributeValue::Null(true), text)),
            (":sent", number(after.sent)),
            (":received", number(after.received)),
            (":partner", text(partner)),
            (":conversation", text(conversation)),
            (":index", text(conversations(user))),
        ];
        self.transact_update(
            Key::participant(user, conversation),
            "SET last_id = :id, sent = :sent, received = :received, partner = :partner, conversation = :conversation, \
             gsi1pk = :index, gsi1sk = :id",
            &condition,
            values.into_iter().chain(before.last.map(|last| (":last", text(last)))),
        )
    }

    /// Some of the conversations of a user, in any order.
    pub(crate) async fn some_participants(&self, user: UserId, count: i32) -> Result<Vec<Participant>, StoreError> {
        let page = self.query(user_partition(user), |query| {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :sides)")
                .expression_attribute_values(":sides", text(SIDES))
                .limit(count)
        });
        page.await?.items.unwrap_or_default().into_iter().map(super::from_item).collect()
    }
}

/// Sorts behind every id.
const AFTER_IDS: &str = "g";
