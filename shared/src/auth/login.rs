//! Whom a password is tried on.

use crate::{
    app::App,
    http::AccountsError,
    limits::{Counted, Limit},
    passwords::SecretHash,
    store::{Account, AccountStatus, Device, Meter, StoreError, TooMany, Tries, UsernameClaim},
    types::{DeviceId, Identifier, Parse, PasswordTry, Timestamp, UserId, Username},
};

use super::Caller;

/// Who an identifier stands for. For nobody it holds ids of nobody, so that the calls that follow are the same.
pub struct LoginTarget {
    user: UserId,
    username: Username,
    /// Under what tries are counted: the account, whichever way it was named; else what stood for one.
    target: String,
}

impl LoginTarget {
    pub async fn find(app: &App, identifier: &Identifier) -> Result<Self, StoreError> {
        let found = match identifier {
            Identifier::Email(email) => {
                let claim = app.store.email_claim(&app.tokens.email_hash(email)).await?;
                claim.map(|claim| (claim.user_id, claim.username))
            }
            Identifier::Username(username) => {
                app.store.username_claim(username).await?.map(|claim| (claim.user_id, claim.username))
            }
            Identifier::Nobody(_) => {
                app.store.username_claim(&nobodys_name()).await?;
                None
            }
        };
        let target =
            found.as_ref().map_or_else(|| format!("nobody {}", identifier.normal()), |(user, _)| user.to_string());
        let (user, username) = found.unwrap_or_else(|| (UserId::from_bytes([0; 12]), nobodys_name()));
        Ok(Self { user, username, target })
    }
}

/// An account whose password was given.
pub struct Authenticated<'a> {
    pub account: Account,
    pub claim: UsernameClaim,
    /// The device that was named, if it is one of the account's.
    pub device: Option<Device>,
    /// To be taken back when the sign-in is done.
    pub tries: Tries<'a>,
}

impl LoginTarget {
    /// Counts a try, by the account and `by_client`, and looks at it. LoginTarget or not, the same calls are made and the same work is
    /// done: neither time nor cost may tell. The inner error: too many tries.
    pub async fn try_password<'a>(
        &self,
        app: &'a App,
        password: &PasswordTry,
        device: Option<DeviceId>,
        by_client: Option<Meter<'a>>,
        now: Timestamp,
    ) -> Result<Result<Authenticated<'a>, TooMany>, AccountsError> {
        let by_account = Limit::Passwords.meter(&app.store, &app.tokens, Counted::Everyone, &self.target, now);
        let (by_account, account, claim, device) = futures_util::try_join!(
            by_account,
            app.store.account(self.user),
            app.store.username_claim(&self.username),
            app.store.device(self.user, device.unwrap_or(DeviceId::from_bytes([0; 16]))),
        )?;
        let meters = by_client.into_iter().chain([by_account]).collect();
        let tries = match Tries::count(&app.store, meters, now).await? {
            Ok(tries) => tries,
            Err(too_many) => return Ok(Err(too_many)),
        };
        let nobody = SecretHash::of_nobody();
        let hash = account.as_ref().map_or(&nobody, |account| &account.password_hash);
        match (hash.is_of(password.as_str()).await, account, claim) {
            (true, Some(account), Some(claim)) if claim.status == AccountStatus::Active => {
                Ok(Ok(Authenticated { account, claim, device, tries }))
            }
            (true, Some(_), Some(_)) => Err(AccountsError::NotActive),
            _ => Err(AccountsError::WrongCredentials),
        }
    }
}

/// A name as good as any: whoever has it is not asked for.
fn nobodys_name() -> Username {
    Username::parse("nobody").expect("six letters are a username")
}

impl Caller {
    /// The caller's account, for who knows its password too. A try is counted before it is looked at; what comes with the account
    /// takes the right one back.
    pub async fn prove<'a>(
        &self,
        app: &'a App,
        password: &PasswordTry,
        now: Timestamp,
    ) -> Result<(Account, Tries<'a>), AccountsError> {
        // Counted apart from sign-ins, so that strangers who guess there keep nobody from this.
        let meter = Limit::Proofs.meter(&app.store, &app.tokens, Counted::Everyone, self.user(), now);
        let (meter, account) = futures_util::try_join!(meter, app.store.account(self.user()))?;
        let tries = Tries::count(&app.store, vec![meter], now).await??;
        let account = account.ok_or(AccountsError::UserNotFound)?;
        if account.password_hash.is_of(password.as_str()).await {
            Ok((account, tries))
        } else {
            Err(AccountsError::WrongPassword)
        }
    }
}
