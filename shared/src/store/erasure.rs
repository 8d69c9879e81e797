//! The deletion of an account. One transaction closes it: nobody can sign in, write to it or find it, and its name is reserved for a
//! while. Its items are then removed in bounded steps that can be repeated.
//!
//! The erasure's item wakes the worker on the table's stream when it is written. Its end by TTL, an hour later or more, wakes the worker
//! again, for items that requests under way may have written since.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Account, Outcome, Participant, Store, StoreError, StreamRecord,
    keys::{CLOSURES, ERASURES, Key, blocked_senders, inbox, notification_states, private_messages, user_partition},
    number, text, to_item,
    username::Reserved,
};
use crate::{
    tokens::EmailHash,
    types::{ConversationId, Parse, Timestamp, UserId},
};

/// How long nobody can claim the name (the contract's 30 days). Of one address only one name at a time is reserved for so long, so that
/// nobody takes many names out of use. Any further one is free as soon as nothing of its account is left.
const NAME_RESERVED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Longer than any request takes.
const SECOND_LOOK: Duration = Duration::from_secs(60 * 60);
/// Items of each partition that one step removes.
const STEP: i32 = 100;

/// An account whose remains are to be removed.
pub struct Erasure {
    pub user_id: UserId,
    /// In lower case.
    username: String,
    /// The name is free once nothing of the account is left.
    pub frees_name: bool,
}

impl Erasure {
    /// The erasure that a change of the table begins; `None` for another change.
    pub fn of(record: &StreamRecord) -> Option<Self> {
        let keys = record.keys();
        let user_id = UserId::parse(keys.pk.text.strip_prefix(ERASURES)?).ok()?;
        Some(Self { user_id, username: keys.sk.text.clone(), frees_name: false })
    }
}

/// An account that an operator wants to be closed (scripts/admin). Its user is not asked for the password.
pub struct Closure {
    pub user_id: UserId,
    /// In lower case.
    username: String,
}

impl Closure {
    /// The closure that a change of the table asks for; `None` for another change.
    pub fn of(record: &StreamRecord) -> Option<Self> {
        let keys = record.keys();
        let user_id = UserId::parse(keys.pk.text.strip_prefix(CLOSURES)?).ok()?;
        Some(Self { user_id, username: keys.sk.text.clone() })
    }
}

impl Store {
    /// The account is closed: nobody has to ask for it any more.
    pub async fn forget_closure(&self, closure: &Closure) -> Result<(), StoreError> {
        self.delete(Key::closure(closure.user_id, &closure.username), |delete| delete).await
    }

    /// Closes the account. Once this returns, it is gone for everyone. `None` if its password changed meanwhile, or if
    /// it was gone already.
    pub async fn close_account(
        &self,
        account: &Account,
        email: &EmailHash,
        now: Timestamp,
    ) -> Result<Option<Erasure>, StoreError> {
        let username = account.username.lower_case();
        let mut item = Key::erasure(account.id, &username).into_item();
        item.insert("ttl".to_owned(), number(now.after(SECOND_LOOK).seconds()));
        let earlier: Option<Reserved> = self.get(Key::reserved_name(email)).await?;
        let frees_name = earlier.is_some_and(|earlier| earlier.reserved_until > now);
        let until = now.after(if frees_name { SECOND_LOOK } else { NAME_RESERVED });
        let mut items = vec![
            self.delete_step_if(
                Key::user(account.id),
                Some("password_hash = :hash"),
                [(":hash", text(account.password_hash.as_str()))],
            ),
            self.delete_step_if(Key::email(email), Some("user_id = :user"), [(":user", text(account.id))]),
            self.reserve_item(&account.username, account.id, until)?,
            self.transact_put(item, None, []),
        ];
        if !frees_name {
            // An address has one account at a time, so nobody else writes this.
            items.push(self.transact_put(to_item(Key::reserved_name(email), &Reserved::until(until))?, None, []));
        }
        let outcome = self.transact(items).await?;
        Ok(matches!(outcome, Outcome::Done).then_some(Erasure { user_id: account.id, username, frees_name }))
    }

    /// Frees the name of an account of which nothing is left.
    pub async fn free_name(&self, erasure: &Erasure) -> Result<(), StoreError> {
        self.delete(Key::claimed(&erasure.username), |delete| {
            delete.condition_expression("attribute_exists(reserved_until)")
        })
        .await
    }

    /// Marks that `user` has left a conversation, so that no send writes to it any more. `true` when the partner has
    /// left, too, and so nobody can read it.
    pub async fn leave(&self, user: UserId, participant: &Participant) -> Result<bool, StoreError> {
        let left = self.update(Key::participant(user, participant.conversation), |update| {
            update
                .update_expression("SET has_left = :true")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":true", AttributeValue::Bool(true))
        });
        let _ = left.await?;
        // This is read after the mark was written. If both users leave at once, at least one request sees both marks.
        Ok(self
            .participant(participant.partner, participant.conversation)
            .await?
            .is_none_or(|partner| partner.has_left))
    }

    /// Removes some messages of a conversation; `false` when there are none left.
    pub async fn remove_private_messages(&self, conversation: ConversationId) -> Result<bool, StoreError> {
        self.remove_some(vec![private_messages(conversation)], STEP).await
    }

    pub async fn forget_side(&self, user: UserId, conversation: ConversationId) -> Result<(), StoreError> {
        self.delete(Key::participant(user, conversation), |delete| delete).await
    }

    /// Removes some items of an account, among them its participant items. `false` when nothing is left.
    pub async fn remove_remains(&self, erasure: &Erasure) -> Result<bool, StoreError> {
        let Erasure { user_id, username, .. } = erasure;
        // First, as the subscriptions say which endpoints these are.
        self.release_endpoints(*user_id).await?;
        let mut partitions = vec![user_partition(*user_id), inbox(*user_id), notification_states(*user_id)];
        if !self.is_somebody_elses(username, *user_id).await? {
            partitions.push(blocked_senders(username));
        }
        self.remove_some(partitions, STEP).await
    }

    /// Whether another user has claimed the name since.
    async fn is_somebody_elses(&self, username: &str, user: UserId) -> Result<bool, StoreError> {
        let claim = self.get_item(Key::claimed(username)).await?.unwrap_or_default();
        Ok(claim.get("user_id").is_some_and(|holder| *holder != text(user)))
    }
}
