//! One-time codes: six digits that prove an e-mail address. Only a keyed hash of the newest one is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Item, Outcome, Store, StoreError, TransactItem, from_item,
    keys::Key,
    number, text, to_item,
    write::{WriteContext, Written},
};
use crate::{
    tokens::{EmailHash, Purpose, Tokens},
    types::{DeviceId, Email, Parse, Timestamp},
};

const SIGN_UP: &str = "sign-up";
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
            Self::SignUp(_) => SIGN_UP,
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

/// What became of an attempt at a code.
pub enum CodeTried {
    /// With the address that the code was mailed to, if it is for a sign-up.
    Right(Option<Email>),
    /// There is a code, and this is not it. It was counted.
    Wrong,
    /// There is no code that could be guessed: none was sent, or it is too old, used up, or was tried too often.
    NoCode,
}

/// A code that was made or given, as it is stored and looked for.
pub struct OneTimeCode {
    tokens: Tokens,
    purpose: &'static str,
    subject: String,
    code: String,
    hash: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    code_hash: String,
    wrong: u32,
    /// TTL deletes late: until then this decides.
    expires_at: Timestamp,
    ttl: i64,
    /// Where a code for a sign-up was mailed to, sealed under the code: the account's address will be the one that is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mailed_to: Option<String>,
}

impl OneTimeCode {
    /// `code` is what was made, or what was given.
    pub fn new(tokens: &Tokens, is_for: CodeFor<'_>, code: &str) -> Self {
        let (purpose, subject) = (is_for.purpose(), is_for.subject());
        let parts = [purpose.as_bytes(), subject.as_bytes(), code.as_bytes()];
        let hash = hex::encode(tokens.keyed_hash(Purpose::OneTimeCode, &parts));
        Self { tokens: tokens.clone(), purpose, subject, code: code.to_owned(), hash }
    }

    pub(super) fn key(&self) -> Key {
        Key::code(self.purpose, &self.subject)
    }

    /// As the only good one, whatever came before it.
    fn kept(&self, to: &Email, now: Timestamp) -> Result<Item, StoreError> {
        let expires_at = now.after(LIFETIME);
        let is_for_sign_up = self.purpose == SIGN_UP;
        let kept = Kept {
            code_hash: self.hash.clone(),
            wrong: 0,
            expires_at,
            ttl: expires_at.seconds(),
            mailed_to: is_for_sign_up.then(|| self.tokens.seal(Purpose::CodeAddress, &self.seal(), to.as_str())),
        };
        to_item(self.key(), &kept)
    }

    /// The address that the code was mailed to.
    fn address(&self, kept: &Kept) -> Option<Email> {
        let sealed = kept.mailed_to.as_ref()?;
        Email::parse(&self.tokens.open(Purpose::CodeAddress, &self.seal(), sealed)?).ok()
    }

    fn seal(&self) -> [&[u8]; 2] {
        [self.subject.as_bytes(), self.code.as_bytes()]
    }
}

impl Store {
    /// The write that uses `code` up, or fails when it is not the one, too late, or tried too often.
    pub(super) fn use_code_item(&self, code: &OneTimeCode, now: Timestamp) -> TransactItem {
        let values = [(":hash", text(&code.hash)), (":most", number(MOST_WRONG)), (":now", text(now))];
        let condition = "code_hash = :hash AND wrong < :most AND expires_at > :now";
        self.delete_step_if(code.key(), Some(condition), values)
    }

    /// Tries `code`. A wrong one is counted in the very call that finds it wrong, so that no number of attempts at once gets more than
    /// its five. A right one is not counted.
    pub async fn try_code(&self, code: &OneTimeCode, now: Timestamp) -> Result<CodeTried, StoreError> {
        // A transaction, though of one step: a try whose answer got lost counts once.
        let count = self.transact_update(
            code.key(),
            "SET wrong = wrong + :one",
            "attribute_exists(pk) AND code_hash <> :hash AND wrong < :most AND expires_at > :now",
            [(":one", number(1)), (":hash", text(&code.hash)), (":most", number(MOST_WRONG)), (":now", text(now))],
        );
        let refused = match self.transact(vec![count]).await? {
            Outcome::Done => return Ok(CodeTried::Wrong),
            Outcome::Refused(mut refused) => refused.pop().and_then(|refused| refused.item),
        };
        let kept: Option<Kept> = refused.map(from_item).transpose()?;
        let is_right = |kept: &Kept| kept.code_hash == code.hash && kept.wrong < MOST_WRONG && kept.expires_at > now;
        Ok(kept.filter(is_right).map_or(CodeTried::NoCode, |kept| CodeTried::Right(code.address(&kept))))
    }

    /// Makes `code`, which is about to be mailed to `to`, the one that is good.
    pub async fn issue_code(
        &self,
        code: &OneTimeCode,
        to: &Email,
        answer: String,
        context: &mut WriteContext,
    ) -> Result<Written, StoreError> {
        let kept = code.kept(to, context.now)?;
        if context.is_empty() {
            return self.put(kept).await.map(|()| Written::Done(answer));
        }
        self.write(context, &answer, vec![self.transact_put(kept, None, [])]).await?.never_refused()
    }

    /// Nobody was told of `code`: it is no code any more, was never counted, and no answer is kept.
    pub async fn withdraw_code(&self, code: &OneTimeCode, context: &WriteContext) -> Result<(), StoreError> {
        self.void(code, self.undo(context)).await
    }

    /// The same for a code that stays counted.
    pub async fn revoke_code(&self, code: &OneTimeCode, context: &WriteContext) -> Result<(), StoreError> {
        self.void(code, self.forget_answer(context).into_iter().collect()).await
    }

    async fn void(&self, code: &OneTimeCode, items: Vec<TransactItem>) -> Result<(), StoreError> {
        let undone = async {
            match items {
                items if items.is_empty() => Ok(()),
                items => self.transact(items).await.map(drop),
            }
        };
        // A newer code may have taken its place, and that one stays.
        let code = self.delete(code.key(), |delete| {
            delete.condition_expression("code_hash = :hash").expression_attribute_values(":hash", text(&code.hash))
        });
        futures_util::try_join!(undone, code).map(drop)
    }
}
