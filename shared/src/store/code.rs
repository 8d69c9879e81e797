//! One-time codes: six digits that prove an e-mail address. Only a keyed hash of the newest one is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Item, Outcome, Store, StoreError, TransactItem, from_item,
    keys::Key,
    limits::Hit,
    number, text, to_item,
    write::{Guards, Stopped, Written},
};
use crate::{
    tokens::{EmailHash, Purpose, Tokens},
    types::{DeviceId, Timestamp},
};

const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// After so many wrong tries even the right code is wrong.
const MOST_WRONG: u32 = 5;

/// The purpose of a code, and its owner.
pub enum CodeFor<'a> {
    SignUp(&'a EmailHash),
    NewPassword(&'a EmailHash),
    Device(DeviceId),
}

impl CodeFor<'_> {
    pub fn purpose(&self) -> &'static str {
        match self {
            Self::SignUp(_) => "sign-up",
            Self::NewPassword(_) => "new-password",
            Self::Device(_) => "device",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::SignUp(email) | Self::NewPassword(email) => email.as_str().to_owned(),
            Self::Device(device) => device.to_string(),
        }
    }
}

/// A code that was made or given, as it is stored and looked for.
pub struct OneTimeCode {
    purpose: &'static str,
    subject: String,
    hash: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    code_hash: String,
    wrong: u32,
    /// TTL deletes late: until then this decides.
    expires_at: Timestamp,
    ttl: i64,
}

impl OneTimeCode {
    /// `code` is what was made, or what was given.
    pub fn new(tokens: &Tokens, is_for: CodeFor<'_>, code: &str) -> Self {
        let (purpose, subject) = (is_for.purpose(), is_for.subject());
        let parts = [purpose.as_bytes(), subject.as_bytes(), code.as_bytes()];
        let hash = hex::encode(tokens.keyed_hash(Purpose::OneTimeCode, &parts));
        Self { purpose, subject, hash }
    }

    pub(super) fn key(&self) -> Key {
        Key::code(self.purpose, &self.subject)
    }
}

impl Store {
    /// The write that makes `code` the only one, whatever came before it.
    pub(super) fn keep_code_item(&self, code: &OneTimeCode, now: Timestamp) -> Result<TransactItem, StoreError> {
        let expires_at = now.after(LIFETIME);
        let kept = Kept { code_hash: code.hash.clone(), wrong: 0, expires_at, ttl: expires_at.seconds() };
        Ok(self.transact_put(to_item(code.key(), &kept)?, None, []))
    }

    /// The write that uses `code` up, or fails when it is not the one, too late, or tried too often.
    pub(super) fn use_code_item(&self, code: &OneTimeCode, now: Timestamp) -> TransactItem {
        let values = [(":hash", text(&code.hash)), (":most", number(MOST_WRONG)), (":now", text(now))];
        let condition = "code_hash = :hash AND wrong < :most AND expires_at > :now";
        self.delete_step_if(code.key(), Some(condition), values)
    }

    /// Whether `code` is the right one. A wrong code is counted in the same call that compares it. Therefore tries at
    /// the same time get no more than five in all. A right code is not counted.
    pub async fn try_code(&self, code: &OneTimeCode, now: Timestamp) -> Result<bool, StoreError> {
        // A transaction, though of one step: a try whose answer got lost counts once.
        let count = self.transact_update(
            code.key(),
            "SET wrong = wrong + :one",
            "attribute_exists(pk) AND code_hash <> :hash AND wrong < :most AND expires_at > :now",
            [(":one", number(1)), (":hash", text(&code.hash)), (":most", number(MOST_WRONG)), (":now", text(now))],
        );
        let is_right = |item: Item| {
            let kept: Kept = from_item(item)?;
            Ok(kept.code_hash == code.hash && kept.wrong < MOST_WRONG && kept.expires_at > now)
        };
        match self.transact(vec![count]).await? {
            Outcome::Done => Ok(false),
            Outcome::Refused(mut refused) => refused.pop().and_then(|refused| refused.item).map_or(Ok(false), is_right),
        }
    }
}

/// The hits that a new code took.
pub struct Receipt(Vec<Hit>);

impl Store {
    /// Makes `code` the one that is good, and counts it.
    pub async fn issue_code(
        &self,
        code: &OneTimeCode,
        guards: &mut Guards<'_>,
    ) -> Result<Result<Receipt, Stopped>, StoreError> {
        let step = self.keep_code_item(code, guards.now)?;
        match self.write(guards, vec![step]).await? {
            Written::Done(hits) => Ok(Ok(Receipt(hits))),
            Written::Stopped(stopped) => Ok(Err(stopped)),
            Written::Refused(_) => Err(StoreError::Unexpected("a code was refused without a condition")),
        }
    }

    /// Nobody was told of `code`: it is no code any more, and was never counted.
    pub async fn withdraw_code(
        &self,
        code: &OneTimeCode,
        guards: &mut Guards<'_>,
        receipt: &Receipt,
    ) -> Result<(), StoreError> {
        let steps = self.undo(guards, &receipt.0);
        // A newer code may have taken its place, and that one stays.
        let code = self.delete(code.key(), |delete| {
            delete.condition_expression("code_hash = :hash").expression_attribute_values(":hash", text(&code.hash))
        });
        let (outcome, ()) = futures_util::try_join!(self.transact(steps), code)?;
        match (outcome, &guards.once) {
            // A slot is taken anew, with its window over: the kept answer must go all the same.
            (Outcome::Refused(_), Some(once)) => self.delete(once.item_key(), |delete| delete).await,
            _ => Ok(()),
        }
    }
}
