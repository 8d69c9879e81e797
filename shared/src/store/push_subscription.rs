//! Where the browsers of a user take pushes. How many there are stands with the preferences, and changes in the transactions that
//! make and remove them: the limit is exact.
//!
//! An endpoint belongs to the user who told of it last. An item of the endpoint names that user. It changes in the same transactions,
//! so two users never both have a subscription of one endpoint.

use std::ops::Range;

use futures_util::{future::try_join_all, try_join};
use serde::{Deserialize, Serialize};

use super::{
    Collisions, Outcome, Store, StoreError, TransactItem, UsernameClaim, from_item,
    keys::{Key, PUSHES, user_partition},
    number, text, to_item,
    write::{WriteContext, Written},
};
use crate::{
    tokens::random,
    types::{DeviceId, Parse, PushEndpoint, PushKey, PushSecret, PushSubscriptionId, Timestamp, UserId},
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
    /// Until when its push service takes no pushes for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<Timestamp>,
    /// Pushes in a row that its push service did not take.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An endpoint, as last read.
#[derive(Default)]
pub struct KnownEndpoint {
    /// The subscription of the user who tells of it now.
    own: Option<PushSubscription>,
    /// The user to whom it belongs.
    owner: Option<UserId>,
}

#[derive(Serialize, Deserialize)]
struct EndpointOwner {
    user_id: UserId,
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

    /// Reads an endpoint before `user` subscribes with it.
    pub async fn push_endpoint(&self, user: UserId, id: PushSubscriptionId) -> Result<KnownEndpoint, StoreError> {
        let (own, owner) =
            try_join!(self.push_subscription(user, id), self.get::<EndpointOwner>(Key::push_endpoint(id)))?;
        Ok(KnownEndpoint { own, owner: owner.map(|owner| owner.user_id) })
    }

    /// Keeps a subscription. One that is there already (`known`, as last read) takes the new keys and the new device, and keeps its
    /// date. One of another user goes: its endpoint belongs to this user now. `answer` makes the reply's body. If there are too many,
    /// one is removed whose device has no living session.
    pub async fn subscribe(
        &self,
        claim: &UsernameClaim,
        new: &PushSubscription,
        mut known: KnownEndpoint,
        answer: impl Fn(&PushSubscription) -> String,
        context: &mut WriteContext,
    ) -> Result<Written<TooManySubscriptions>, StoreError> {
        let user = claim.user_id;
        let mut unused = None;
        let mut others_subscription_is_gone = false;
        let mut collisions = Collisions::default();
        loop {
            let created_at = known.own.as_ref().map_or(new.created_at, |own| own.created_at);
            let subscription = PushSubscription { created_at, ..new.clone() };
            let body = answer(&subscription);
            let (condition, values) = match &known.own {
                None => ("attribute_not_exists(pk)", Vec::new()),
                Some(own) => ("created_at = :created", vec![(":created", text(own.created_at))]),
            };
            let item = to_item(Key::push_subscription(user, new.id), &subscription)?;
            let mut steps =
                vec![self.transact_put(item, Some(condition), values), self.take_endpoint_item(user, new.id, &known)?];
            let others = steps.len();
            let other = known.owner.filter(|owner| *owner != user && !others_subscription_is_gone);
            steps.extend(other.into_iter().flat_map(|other| self.forget_items(other, new.id)));
            let count = steps.len();
            match (&known.own, &unused) {
                (Some(_), _) => {}
                (None, None) => steps.push(self.count_subscription_item(user)),
                // One goes and one comes: as many as before.
                (None, Some(unused)) => steps.extend(self.forget_unused_items(user, unused)),
            }
            let refused = match self.write(context, &body, steps).await? {
                Written::Refused(refused) => refused,
                written => return Ok(written.refused_as(|_| TooManySubscriptions)),
            };
            let has_failed = |places: Range<usize>| refused[places].iter().any(|step| step.failed);
            if has_failed(0..others) {
                // The same endpoint came or went meanwhile.
                known = self.push_endpoint(user, new.id).await?;
                others_subscription_is_gone = false;
            } else if has_failed(others..count) {
                // The other user's account is being erased. The erasure removes what is left of the subscription.
                others_subscription_is_gone = true;
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

    /// Forgets a subscription, and whose the endpoint is. `false` if the user has no such subscription.
    pub async fn forget_push_subscription(&self, user: UserId, id: PushSubscriptionId) -> Result<bool, StoreError> {
        let mut steps = Vec::from(self.forget_items(user, id));
        steps.push(self.release_endpoint_item(user, id));
        Ok(matches!(self.transact(steps).await?, Outcome::Done))
    }

    /// Nothing is pushed to a subscription until then. `failures` counts the pushes in a row that were not taken.
    pub async fn rest_push_subscription(
        &self,
        user: UserId,
        id: PushSubscriptionId,
        until: Timestamp,
        failures: u32,
    ) -> Result<(), StoreError> {
        let rests = self.update(Key::push_subscription(user, id), |update| {
            update
                .update_expression("SET rests_until = :until, failures = :failures")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":until", text(until))
                .expression_attribute_values(":failures", number(failures))
        });
        rests.await.map(drop)
    }

    /// The push service has taken a push again.
    pub async fn wake_push_subscription(&self, user: UserId, id: PushSubscriptionId) -> Result<(), StoreError> {
        let wakes = self.update(Key::push_subscription(user, id), |update| {
            update.update_expression("REMOVE rests_until, failures").condition_expression("attribute_exists(pk)")
        });
        wakes.await.map(drop)
    }

    /// Forgets which endpoints belong to a user whose account is being erased.
    pub(super) async fn release_endpoints(&self, user: UserId) -> Result<(), StoreError> {
        let page = self.query(user_partition(user), |query| {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :pushes)")
                .expression_attribute_values(":pushes", text(PUSHES))
                .projection_expression("sk")
        });
        let keys = page.await?.items.unwrap_or_default();
        let ids = keys.iter().filter_map(|key| key.get("sk")?.as_s().ok()?.strip_prefix(PUSHES));
        let ids = ids.filter_map(|id| PushSubscriptionId::parse(id).ok());
        let release = |id| {
            self.delete(Key::push_endpoint(id), |delete| {
                delete.condition_expression("user_id = :user").expression_attribute_values(":user", text(user))
            })
        };
        try_join_all(ids.map(release)).await.map(drop)
    }

    /// The write that makes an endpoint the user's, if it is still as it was read.
    fn take_endpoint_item(
        &self,
        user: UserId,
        id: PushSubscriptionId,
        known: &KnownEndpoint,
    ) -> Result<TransactItem, StoreError> {
        let item = to_item(Key::push_endpoint(id), &EndpointOwner { user_id: user })?;
        Ok(match known.owner {
            None => self.transact_put(item, Some("attribute_not_exists(pk)"), []),
            Some(owner) => self.transact_put(item, Some("user_id = :owner"), [(":owner", text(owner))]),
        })
    }

    fn release_endpoint_item(&self, user: UserId, id: PushSubscriptionId) -> TransactItem {
        let condition = "attribute_not_exists(pk) OR user_id = :user";
        self.delete_step_if(Key::push_endpoint(id), Some(condition), [(":user", text(user))])
    }

    /// The writes that remove a subscription and count it no more.
    fn forget_items(&self, user: UserId, id: PushSubscriptionId) -> [TransactItem; 2] {
        [
            self.transact_delete(Key::push_subscription(user, id), Some("attribute_exists(pk)")),
            self.transact_update(
                Key::preferences(user),
                "ADD subscriptions :less",
                "attribute_exists(pk)",
                [(":less", number(-1))],
            ),
        ]
    }

    fn count_subscription_item(&self, user: UserId) -> TransactItem {
        self.transact_update(
            Key::preferences(user),
            "ADD subscriptions :one",
            "attribute_not_exists(subscriptions) OR subscriptions < :most",
            [(":one", number(1)), (":most", number(MOST_SUBSCRIPTIONS))],
        )
    }

    fn forget_unused_items(&self, user: UserId, unused: &PushSubscription) -> [TransactItem; 2] {
        let key = Key::push_subscription(user, unused.id);
        [
            self.delete_step_if(key, Some("device = :device"), [(":device", text(unused.device))]),
            self.release_endpoint_item(user, unused.id),
        ]
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
