//! Whom a password is tried on.

use crate::{
    app::App,
    http::AccountsError,
    limits::{Counted, Limit},
    store::{Account, StoreError, Tries},
    types::{Identifier, Parse, PasswordTry, Timestamp, UserId, Username},
};

use super::Caller;

/// Who an identifier stands for. For nobody it holds ids of nobody, so that the calls that follow are the same.
pub struct Known {
    pub user: UserId,
    pub username: Username,
    is_somebody: bool,
}

impl Known {
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
        let is_somebody = found.is_some();
        let (user, username) = found.unwrap_or_else(|| (UserId::from_bytes([0; 12]), nobodys_name()));
        Ok(Self { user, username, is_somebody })
    }

    /// Under what tries are counted: the account, whichever way it was named; else what stood for one.
    pub fn target(&self, identifier: &Identifier) -> String {
        if self.is_somebody { self.user.to_string() } else { format!("nobody {}", identifier.normal()) }
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
        let meter = Limit::Passwords.blank_meter(&app.tokens, Counted::Everyone, self.user(), now);
        let (tries, account) =
            futures_util::try_join!(Tries::count(&app.store, vec![meter], now), app.store.account(self.user()))?;
        let (tries, account) = (tries?, account.ok_or(AccountsError::UserNotFound)?);
        if account.password_hash.is_of(password.as_str()).await {
            Ok((account, tries))
        } else {
            Err(AccountsError::WrongPassword)
        }
    }
}
