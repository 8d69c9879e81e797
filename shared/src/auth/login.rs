//! Whom a password is tried on.

use futures_util::{join, try_join};

use crate::{
    app::App,
    http::AccountsError,
    limits::{Attempt, Denied, Limit},
    passwords::SecretHash,
    store::{Account, AccountStatus, CodeTried, Device, StoreError, UsernameClaim},
    types::{DeviceId, Email, Identifier, Parse, PasswordTry, UserId, Username},
};

use super::Caller;

/// Who an identifier stands for. For nobody it holds ids of nobody, so that the calls that follow are the same.
pub struct LoginTarget {
    user: UserId,
    username: Username,
    /// Under what attempts are counted: the account, whichever way it was named; else what stood for one.
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
pub struct Authenticated {
    pub account: Account,
    pub claim: UsernameClaim,
    /// The device that was named, if it is one of the account's.
    pub device: Option<Device>,
    /// To be told as a success together with what the sign-in writes.
    pub attempt: Attempt,
}

impl LoginTarget {
    /// Counts an attempt and looks at it. An attempt that names a trusted device of the account counts on that device only, so that
    /// strangers lock out no owner and a school doesn't lock out itself. All others count on the account and on the client. Known or
    /// not, the same calls are made and the same work is done: neither time nor cost may tell.
    pub async fn try_password(
        &self,
        app: &App,
        password: &PasswordTry,
        device: Option<DeviceId>,
    ) -> Result<Authenticated, AccountsError> {
        let read = async { try_join!(app.store.account(self.user), app.store.username_claim(&self.username)) };
        let (read, device, attempt) = match device {
            None => {
                let (read, attempt) = join!(read, self.attempt(app, None));
                (read?, None, attempt?)
            }
            Some(device) => {
                let (read, device) = try_join!(read, app.store.device(self.user, device))?;
                let attempt = self.attempt(app, device.as_ref()).await?;
                (read, device, attempt)
            }
        };
        let (account, claim) = read;
        let nobody = SecretHash::of_nobody();
        let hash = account.as_ref().map_or(&nobody, |account| &account.password_hash);
        match (hash.is_of(password.as_str()).await, account, claim) {
            (true, Some(account), Some(claim)) if claim.status == AccountStatus::Active => {
                Ok(Authenticated { account, claim, device, attempt })
            }
            (true, Some(_), Some(_)) => {
                attempt.succeeded().await;
                Err(AccountsError::NotActive)
            }
            _ => {
                attempt.failed().await;
                Err(AccountsError::WrongCredentials)
            }
        }
    }

    async fn attempt(&self, app: &App, device: Option<&Device>) -> Result<Attempt, Denied> {
        match device.filter(|device| device.trusted) {
            Some(device) => app.limits.attempt(&[(Limit::PasswordsOnDevice, device.id.to_string())]).await,
            None => {
                let by_client = (Limit::PasswordsByClient, String::new());
                app.limits.attempt(&[by_client, (Limit::Passwords, self.target.clone())]).await
            }
        }
    }
}

/// What an attempt at a mailed code comes to. A wrong one counts only where there is a code that it could be a guess at: so nobody can
/// lock somebody else's recovery while no code is out.
/// A right one yields the address that it was mailed to, if it is for a sign-up.
pub async fn check_code(attempt: Attempt, tried: CodeTried) -> Result<Option<Email>, AccountsError> {
    match tried {
        CodeTried::Right(address) => {
            attempt.succeeded().await;
            Ok(address)
        }
        CodeTried::Wrong => {
            attempt.failed().await;
            Err(AccountsError::WrongCode)
        }
        CodeTried::NoCode => {
            attempt.succeeded().await;
            Err(AccountsError::WrongCode)
        }
    }
}

/// A name as good as any: whoever has it is not asked for.
fn nobodys_name() -> Username {
    Username::parse("nobody").expect("six letters are a username")
}

impl Caller {
    /// The caller, on a trusted device: a stolen password alone takes no account away from its owner.
    pub fn on_trusted_device(self) -> Result<Self, AccountsError> {
        if self.device.trusted { Ok(self) } else { Err(AccountsError::NotTrusted) }
    }

    /// The caller's account, for a caller who knows its password, too. The attempt is to be told as a success with what follows.
    pub async fn prove(&self, app: &App, password: &PasswordTry) -> Result<(Account, Attempt), AccountsError> {
        // Counted apart from sign-ins, so that strangers who guess there keep nobody from this.
        let limits = [(Limit::Proofs, self.user().to_string())];
        let (attempt, account) = join!(app.limits.attempt(&limits), app.store.account(self.user()));
        let (attempt, account) = (attempt?, account?.ok_or(AccountsError::UserNotFound)?);
        if account.password_hash.is_of(password.as_str()).await {
            return Ok((account, attempt));
        }
        attempt.failed().await;
        Err(AccountsError::WrongPassword)
    }
}
