//! Where the browsers of a user take pushes. How many there are stands with the preferences, and changes in the transactions that
//! make and remove them: the limit is exact.

use serde::{Deserialize, Serialize};

use super::{
    Collisions, Outcome, Store, StoreError, TransactItem, UsernameClaim, from_item,
    keys::{Key, PUSHES, user_partition},
    number, text, to_item,
    write::{WriteContext, Written},
};
use crate::{
    tokens::random,
    types::{DeviceId, PushEndpoint, PushKey, PushSecret, PushSubscriptionId, Timestamp, UserId},
};

/// How many a user has at most.
pub const MOST_SUBSCRIPTIONS: usize = 20;

#[derive(Clone, Serialize, Deserialize)]
pub struct PushSubscription {
    pub id: PushSubscriptionId,
    pub endpoint: PushEndpoint,
    pub p256dh: PushKey,
    pub auth: PushSecret,
    /// Where it was made, or last told of again: without a living session there, nothing is sent to it.
    pub device: DeviceId,
    pub created_at: Timestamp,
}

/// There are as many as may be, each on a device with a living session.
pub struct TooManySubscriptions;

impl Store {
    /// All of a user's, of which there are few. One that today's rules refuse (its push service has been taken from the list) is as
    /// good as gone.
    pub async fn push_subscriptions(&self, user: UserId) -> Result<Vec<PushSubscription>, StoreError> {
        let page = self.query(user_partition(user), |query| {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :pushes)")
                .expression_attribute_values(":pushes", text(PUSHES))
        });
        Ok(page.await?.items.unwrap_or_default().into_iter().filter_map(|item| from_item(item).ok()).collect())
    }

    pub async fn push_subscription(
        &self,
        user: UserId,
        id: PushSubscriptionId,
    ) -> Result<Option<PushSubscription>, StoreError> {
        self.get(Key::push_subscription(user, id)).await
    }

    /// Keeps a subscription; one that is there already (`found`, as last read) takes the new keys and the new device, and stays as
    /// old as it is. `answer`: what the caller is told of it. Where there are too many, one goes whose device has no living session.
    pub async fn subscribe(
        &self,
        claim: &UsernameClaim,
        new: &PushSubscription,
        mut found: Option<PushSubscription>,
        answer: impl Fn(&PushSubscription) -> String,
        context: &mut WriteContext,
    ) -> Result<Written<TooManySubscriptions>, StoreError> {
        let user = claim.user_id;
        let mut unused = None;
        let mut collisions = Collisions::default();
        loop {
            let created_at = found.as_ref().map_or(new.created_at, |found| found.created_at);
            let subscription = PushSubscription { created_at, ..new.clone() };
            let body = answer(&subscription);
            let (condition, values) = match &found {
                None => ("attribute_not_exists(pk)", Vec::new()),
                Some(found) => ("created_at = :created", vec![(":created", text(found.created_at))]),
            };
            let item = to_item(Key::push_subscription(user, new.id), &subscription)?;
            let mut steps = vec![self.transact_put(item, Some(condition), values)];
            match (&found, &unused) {
                (Some(_), _) => {}
                (None, None) => steps.push(self.count_subscription_item(user)),
                // One goes and one comes: as many as before.
                (None, Some(unused)) => steps.push(self.forget_unused_item(user, unused)),
            }
            let refused = match self.write(context, &body, steps).await? {
                Written::Refused(refused) => refused,
                written => return Ok(written.refused_as(|_| TooManySubscriptions)),
            };
            if refused.first().is_some_and(|subscription| subscription.failed) {
                // The same endpoint came or went meanwhile.
                found = self.push_subscription(user, new.id).await?;
            } else if unused.take().is_none() {
                unused = self.unused_subscription(claim, context.now).await?;
                if unused.is_none() {
                    return Ok(Written::Refused(TooManySubscriptions));
                }
            }
            // Else the unused one was deleted meanwhile, or is used again: there may be room, which is counted first.
            if !collisions.pause().await {
                return Err(StoreError::Busy("subscriptions changed too often while one was written"));
            }
        }
    }

    /// Forgets a subscription; `false` when there is none.
    pub async fn forget_push_subscription(&self, user: UserId, id: PushSubscriptionId) -> Result<bool, StoreError> {
        let steps = vec![
            self.transact_delete(Key::push_subscription(user, id), Some("attribute_exists(pk)")),
            self.transact_update(
                Key::preferences(user),
                "ADD subscriptions :less",
                "attribute_exists(pk)",
                [(":less", number(-1))],
            ),
        ];
        Ok(matches!(self.transact(steps).await?, Outcome::Done))
    }

    fn count_subscription_item(&self, user: UserId) -> TransactItem {
        self.transact_update(
            Key::preferences(user),
            "ADD subscriptions :one",
            "attribute_not_exists(subscriptions) OR subscriptions < :most",
            [(":one", number(1)), (":most", number(MOST_SUBSCRIPTIONS))],
        )
    }

    fn forget_unused_item(&self, user: UserId, unused: &PushSubscription) -> TransactItem {
        let key = Key::push_subscription(user, unused.id);
        self.delete_step_if(key, Some("device = :device"), [(":device", text(unused.device))])
    }

    /// A subscription whose device has no living session, if there is one: any of them, so that two who look at once seldom mean the
    /// same.
    async fn unused_subscription(
        &self,
        claim: &UsernameClaim,
        now: Timestamp,
    ) -> Result<Option<PushSubscription>, StoreError> {
        let mut unused = self.push_subscriptions(claim.user_id).await?;
        let devices = unused.iter().map(|found| found.device).collect();
        let devices = self.some_devices(claim.user_id, &devices).await?;
        let lives = |id| devices.iter().any(|device| device.id == id && device.is_signed_in(claim.epoch, now));
        unused.retain(|found| !lives(found.device));
        let place = u32::from_be_bytes(random()) as usize % unused.len().max(1);
        Ok((!unused.is_empty()).then(|| unused.swap_remove(place)))
    }
}
