//! Accounts, and the claims that make their usernames and e-mail addresses unique.

use serde::{Deserialize, Serialize};

use super::{
    Device, OneTimeCode, Outcome, Store, StoreError, UsernameClaim,
    keys::Key,
    number, text, to_item,
    username::IS_FREE,
    write::{WriteContext, Written},
};
use crate::{
    passwords::SecretHash,
    tokens::EmailHash,
    types::{DeviceId, Email, SessionId, Timestamp, UserId, Username},
};

#[derive(Serialize, Deserialize)]
pub struct Account {
    pub id: UserId,
    pub username: Username,
    pub email: Email,
    pub password_hash: SecretHash,
    /// The epoch of the password. A session lives only in the epoch in which it began, so a new password ends every
    /// session.
    pub epoch: u64,
    pub created_at: Timestamp,
}

/// The user who has an e-mail address.
#[derive(Serialize, Deserialize)]
pub struct EmailClaim {
    pub user_id: UserId,
    pub username: Username,
    /// The account's address as its owner wrote it: every mail goes there, however the address is typed later.
    pub email: Email,
}

/// Everything that a sign-up makes.
pub struct NewAccount<'a> {
    pub account: &'a Account,
    pub email: &'a EmailHash,
    pub claim: &'a UsernameClaim,
    pub device: &'a Device,
    /// The code that the sign-up uses up.
    pub code: &'a OneTimeCode,
}

/// Why no account is made.
pub enum SignUpRefused {
    EmailTaken,
    UsernameTaken,
    WrongCode,
}

impl Store {
    pub async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.get(Key::user(user)).await
    }

    pub async fn email_claim(&self, email: &EmailHash) -> Result<Option<EmailClaim>, StoreError> {
        self.get(Key::email(email)).await
    }

    /// Claims the address and the name, uses the code up, and makes the account with its first device: all or nothing, so of
    /// sign-ups that race for one name or one address exactly one is done, and the others keep their codes.
    pub async fn sign_up(
        &self,
        new: &NewAccount<'_>,
        answer: &str,
        context: &mut WriteContext,
    ) -> Result<Written<SignUpRefused>, StoreError> {
        let NewAccount { account, email, claim, device, code } = new;
        let (username, email_of_record) = (account.username.clone(), account.email.clone());
        let holder = EmailClaim { user_id: account.id, username, email: email_of_record };
        let steps = vec![
            self.transact_put(to_item(Key::email(email), &holder)?, Some("attribute_not_exists(pk)"), []),
            self.transact_put(
                to_item(Key::username(&claim.username), claim)?,
                Some(IS_FREE),
                [(":now", text(context.now))],
            ),
            self.use_code_item(code, context.now),
            self.transact_put(to_item(Key::user(account.id), account)?, None, []),
            self.new_device_item(account.id, device)?,
        ];
        let written = self.write(context, answer, steps).await?;
        Ok(written.refused_as(|refused| match refused.iter().position(|item| item.failed) {
            Some(0) => SignUpRefused::EmailTaken,
            Some(1) => SignUpRefused::UsernameTaken,
            _ => SignUpRefused::WrongCode,
        }))
    }

    /// Replaces the password whose hash is `old`, and ends every session but `kept`. `false` if the password, the
    /// session or the account changed meanwhile.
    pub async fn change_password(
        &self,
        claim: &UsernameClaim,
        old: &SecretHash,
        new: &SecretHash,
        kept: (DeviceId, SessionId),
    ) -> Result<bool, StoreError> {
        let user = claim.user_id;
        let outcome = self
            .transact(vec![
                self.transact_update(
                    Key::user(user),
                    "SET password_hash = :new, epoch = :next",
                    "password_hash = :old",
                    [(":new", text(new.as_str())), (":old", text(old.as_str())), (":next", number(claim.epoch + 1))],
                ),
                self.transact_update(
                    Key::username(&claim.username),
                    "SET epoch = :next",
                    "user_id = :user AND epoch = :epoch",
                    [(":user", text(user)), (":epoch", number(claim.epoch)), (":next", number(claim.epoch + 1))],
                ),
                self.keep_session_item(user, kept.0, kept.1, claim.epoch),
            ])
            .await?;
        Ok(matches!(outcome, Outcome::Done))
    }

    /// Sets a new password by `code`, and ends every session; `false` when the code is used up or the account gone.
    pub async fn reset_password(
        &self,
        holder: &EmailClaim,
        new: &SecretHash,
        code: &OneTimeCode,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let outcome = self
            .transact(vec![
                self.use_code_item(code, now),
                self.transact_update(
                    Key::user(holder.user_id),
                    "SET password_hash = :new, epoch = epoch + :one",
                    "attribute_exists(pk)",
                    [(":new", text(new.as_str())), (":one", number(1))],
                ),
                self.transact_update(
                    Key::username(&holder.username),
                    "SET epoch = epoch + :one",
                    "user_id = :user",
                    [(":one", number(1)), (":user", text(holder.user_id))],
                ),
            ])
            .await?;
        Ok(matches!(outcome, Outcome::Done))
    }
}
