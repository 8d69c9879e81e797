//! Devices of users. A device holds the one session that lives there: signing in again takes its place.

use std::{collections::HashSet, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    Account, OneTimeCode, Outcome, Page, Store, StoreError, TransactItem,
    keys::{DEVICES, Key, device_sort, user_partition},
    number, text, to_item,
    write::{WriteContext, Written},
};
use crate::{
    sessions::{LIFETIME, Session},
    tokens::random,
    types::{DeviceId, DeviceName, PageSize, SessionId, Timestamp, UserId},
};

/// A trusted device without a new sign-in is deleted after this time. Any other device ends with its session.
const REMEMBERED: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[derive(Serialize, Deserialize)]
pub struct Device {
    pub id: DeviceId,
    pub device_name: DeviceName,
    pub trusted: bool,
    /// The session that lives there, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The epoch of the account in which that session began.
    pub epoch: u64,
    pub created_at: Timestamp,
    pub signed_in_at: Timestamp,
}

impl Device {
    /// A device on which nobody has signed in yet.
    pub fn new(name: DeviceName, trusted: bool, now: Timestamp) -> Self {
        Self {
            id: DeviceId::from_bytes(random()),
            device_name: name,
            trusted,
            session_id: None,
            epoch: 0,
            created_at: now,
            signed_in_at: now,
        }
    }

    /// Begins a session of `account`'s user on this device, in place of any other.
    pub fn begin(&mut self, account: &Account, now: Timestamp) -> Session {
        let id = SessionId::from_bytes(random());
        self.session_id = Some(id);
        self.epoch = account.epoch;
        self.signed_in_at = now;
        let username = account.username.clone();
        Session { user: account.id, username, device: self.id, id, expires_at: now.after(LIFETIME) }
    }

    /// Whether a session lives there at `now`, in the account's present `epoch`.
    pub fn is_signed_in(&self, epoch: u64, now: Timestamp) -> bool {
        self.session_id.is_some() && self.epoch == epoch && now < self.signed_in_at.after(LIFETIME)
    }

    fn forgotten_at(&self) -> i64 {
        self.signed_in_at.after(if self.trusted { REMEMBERED } else { LIFETIME }).seconds()
    }
}

#[derive(Serialize)]
struct Kept<'a> {
    #[serde(flatten)]
    device: &'a Device,
    ttl: i64,
}

/// The device was removed meanwhile.
pub struct NoDevice;

impl Store {
    pub async fn device(&self, user: UserId, id: DeviceId) -> Result<Option<Device>, StoreError> {
        self.get(Key::device(user, id)).await
    }

    /// Those of these devices that exist.
    pub async fn some_devices(&self, user: UserId, ids: &HashSet<DeviceId>) -> Result<Vec<Device>, StoreError> {
        self.get_all(ids.iter().map(|id| Key::device(user, *id)).collect(), None).await
    }

    /// The devices of a user behind `after`, in any order.
    pub async fn devices(
        &self,
        user: UserId,
        after: Option<DeviceId>,
        size: PageSize,
    ) -> Result<Page<Device>, StoreError> {
        self.page_after(user_partition(user), DEVICES, after.map(device_sort), size).await
    }

    /// The write of a device that is new to its user.
    pub(super) fn new_device_item(&self, user: UserId, device: &Device) -> Result<TransactItem, StoreError> {
        let kept = Kept { device, ttl: device.forgotten_at() };
        Ok(self.transact_put(to_item(Key::device(user, device.id), &kept)?, None, []))
    }

    /// Begins the session that `device` says, on a device that `is_new` or is there already.
    pub async fn sign_in(
        &self,
        user: UserId,
        device: &Device,
        is_new: bool,
        answer: &str,
        context: &mut WriteContext,
    ) -> Result<Written<NoDevice>, StoreError> {
        let step = if is_new { self.new_device_item(user, device)? } else { self.session_item(user, device) };
        Ok(self.write(context, answer, vec![step]).await?.refused_as(|_| NoDevice))
    }

    /// The write of a session on a device that exists. It leaves the device's trust as it is.
    fn session_item(&self, user: UserId, device: &Device) -> TransactItem {
        let expression =
            "SET session_id = :session, epoch = :epoch, signed_in_at = :now, device_name = :name, #ttl = :ttl";
        self.transact_update(
            Key::device(user, device.id),
            expression,
            "attribute_exists(pk)",
            [
                (":session", device.session_id.map_or(AttributeValue::Null(true), text)),
                (":epoch", number(device.epoch)),
                (":now", text(device.signed_in_at)),
                (":name", text(device.device_name.as_str())),
                (":ttl", number(device.forgotten_at())),
            ],
        )
    }

    /// Uses `code` up and makes the device a trusted one. `false` if the code is used up, or if `session` no longer
    /// lives there.
    pub async fn trust_device(
        &self,
        user: UserId,
        device: DeviceId,
        session: SessionId,
        code: &OneTimeCode,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let trust = self.transact_update(
            Key::device(user, device),
            "SET trusted = :true, #ttl = :ttl",
            "session_id = :session",
            [
                (":true", AttributeValue::Bool(true)),
                (":ttl", number(now.after(REMEMBERED).seconds())),
                (":session", text(session)),
            ],
        );
        let outcome = self.transact(vec![self.use_code_item(code, now), trust]).await?;
        Ok(matches!(outcome, Outcome::Done))
    }

    /// Ends `session`; another one on the same device lives on.
    pub async fn sign_out(&self, user: UserId, device: DeviceId, session: SessionId) -> Result<(), StoreError> {
        let ended = self.update(Key::device(user, device), |update| {
            update
                .update_expression("REMOVE session_id")
                .condition_expression("session_id = :session")
                .expression_attribute_values(":session", text(session))
        });
        ended.await.map(drop)
    }

    /// Forgets a device and ends its session.
    pub async fn remove_device(&self, user: UserId, id: DeviceId) -> Result<(), StoreError> {
        self.delete(Key::device(user, id), |delete| delete).await
    }

    /// The write that lets `session` live on into the epoch after `epoch`.
    pub(super) fn keep_session_item(
        &self,
        user: UserId,
        device: DeviceId,
        session: SessionId,
        epoch: u64,
    ) -> TransactItem {
        self.transact_update(
            Key::device(user, device),
            "SET epoch = :next",
            "session_id = :session",
            [(":next", number(epoch + 1)), (":session", text(session))],
        )
    }
}
