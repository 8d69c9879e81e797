//! Users who are signed in. A token proves what was granted; the store says whether it still holds.

use futures_util::{join, try_join};
use http::StatusCode;

use crate::{
    app::App,
    http::{PrivateError, Problem, Reply, Request},
    limits::{Denied, Limit},
    sessions::{LIFETIME, Session},
    store::{AccountStatus, Device, StoreError, UsernameClaim},
    tokens::AdminToken,
    types::UserId,
};

/// A user with a living session on an active account. No endpoint can make one up.
#[non_exhaustive]
pub struct Caller {
    pub session: Session,
    pub claim: UsernameClaim,
    pub device: Device,
}

/// A user with a living session on an active account, on a device that is trusted. No endpoint can make one up.
#[non_exhaustive]
pub struct TrustedCaller {
    user: UserId,
}

/// The session that a request's token names, before the store has said whether it still lives. It is good for other reads in the same
/// round trip ([`confirm_and_read`]), and for nothing else: no write takes it.
pub struct UnverifiedSession(Session);

/// Why a request has no caller.
pub enum NotACaller {
    /// No token, two that differ, or one that is not valid, or no longer.
    NotAuthenticated,
    /// The account is suspended or inactive.
    NotActive,
    /// The device is not trusted, where that matters.
    NotTrusted,
    /// A page of another origin made a browser send its cookie.
    CrossSite,
    Failed(StoreError),
    /// Over the limit of what the caller wants to do.
    Denied(Denied),
}

impl From<StoreError> for NotACaller {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<NotACaller> for Problem {
    fn from(refusal: NotACaller) -> Self {
        match refusal {
            NotACaller::NotAuthenticated | NotACaller::NotActive | NotACaller::NotTrusted => {
                Self::new(StatusCode::UNAUTHORIZED, "Not Authenticated")
            }
            NotACaller::CrossSite => {
                Self::new(StatusCode::FORBIDDEN, "Requests with a cookie are accepted from our own pages only")
            }
            NotACaller::Failed(error) => error.into(),
            NotACaller::Denied(denied) => denied.into(),
        }
    }
}

impl From<NotACaller> for PrivateError {
    fn from(refusal: NotACaller) -> Self {
        match refusal {
            NotACaller::NotAuthenticated => Self::NotAuthenticated,
            NotACaller::NotActive => Self::NotActive,
            NotACaller::NotTrusted => Self::NotTrusted,
            NotACaller::CrossSite | NotACaller::Failed(_) | NotACaller::Denied(_) => Self::Problem(refusal.into()),
        }
    }
}

impl UnverifiedSession {
    pub fn by(app: &App, request: &Request) -> Result<Self, NotACaller> {
        Self::read(app, presented(app, request, request.bearer())?)
    }

    /// The same for a request whose bearer may be an admin token: then the session is in the cookie.
    pub fn beside_token(app: &App, request: &Request) -> Result<Self, NotACaller> {
        let bearer = request.bearer().filter(|bearer| AdminToken::parse(bearer).is_none());
        Self::read(app, presented(app, request, bearer)?)
    }

    fn read(app: &App, token: &str) -> Result<Self, NotACaller> {
        let session = app.sessions().read(token).ok_or(NotACaller::NotAuthenticated)?;
        app.limits.comes_with(session.id);
        Ok(Self(session))
    }

    pub fn user(&self) -> UserId {
        self.0.user
    }

    pub async fn confirm(self, app: &App) -> Result<Caller, NotACaller> {
        Caller::confirm(app, self.0).await
    }

    pub async fn confirm_trusted(self, app: &App) -> Result<TrustedCaller, NotACaller> {
        TrustedCaller::trust(self.confirm(app).await?)
    }

    /// The same for a caller who takes one from `limit` in the same round trip. A session that has ended takes nothing: its hit is given
    /// back.
    pub async fn confirm_within(self, app: &App, limit: Limit) -> Result<Caller, NotACaller> {
        let user = self.user();
        // Not `try_join!`: a hit that was taken is given back only when it is known.
        let (caller, taken) = join!(self.confirm(app), app.limits.take(limit, user));
        let caller = caller?;
        taken.map_err(NotACaller::Denied)?;
        Ok(caller)
    }

    pub async fn confirm_trusted_within(self, app: &App, limit: Limit) -> Result<TrustedCaller, NotACaller> {
        TrustedCaller::trust(self.confirm_within(app, limit).await?)
    }
}

/// Confirms a session and does `reads` in the same round trip. `asked` is the parsed request, or why it can't be parsed. A request
/// that creates something begins in `reads`.
///
/// Errors come in the documented order: first those of the session, then that of `asked`, then those of the reads. If `asked` is an
/// error, only the session is looked at.
pub async fn confirm_and_read<C, T, R, E, F>(
    session: impl Future<Output = Result<C, NotACaller>>,
    asked: Result<T, E>,
    reads: impl AsyncFnOnce(&T) -> Result<R, F>,
) -> Result<(C, T, R), E>
where
    E: From<NotACaller> + From<F>,
{
    match asked {
        Ok(asked) => {
            // Not `try_join!`: a hit that was taken is given back only when it is known.
            let (caller, found) = join!(session, reads(&asked));
            Ok((caller?, asked, found?))
        }
        Err(wrong) => {
            session.await?;
            Err(wrong)
        }
    }
}

impl Caller {
    /// [`Self::of`] with [`UnverifiedSession::confirm_within`].
    pub async fn within(app: &App, request: &Request, limit: Limit) -> Result<Self, NotACaller> {
        UnverifiedSession::by(app, request)?.confirm_within(app, limit).await
    }

    pub async fn of(app: &App, request: &Request) -> Result<Self, NotACaller> {
        UnverifiedSession::by(app, request)?.confirm(app).await
    }

    /// The session must be the one that lives on its device, begun in the account's present epoch.
    async fn confirm(app: &App, session: Session) -> Result<Self, NotACaller> {
        let (claim, device) =
            try_join!(app.store.username_claim(&session.username), app.store.device(session.user, session.device))?;
        let (Some(claim), Some(device)) = (claim, device) else { return Err(NotACaller::NotAuthenticated) };
        let lives =
            claim.user_id == session.user && device.session_id == Some(session.id) && device.epoch == claim.epoch;
        match claim.status {
            _ if !lives => Err(NotACaller::NotAuthenticated),
            AccountStatus::Active => Ok(Self { session, claim, device }),
            AccountStatus::Inactive | AccountStatus::Suspended => Err(NotACaller::NotActive),
        }
    }

    pub fn user(&self) -> UserId {
        self.session.user
    }
}

impl TrustedCaller {
    /// [`Self::of`] with [`UnverifiedSession::confirm_within`].
    pub async fn within(app: &App, request: &Request, limit: Limit) -> Result<Self, NotACaller> {
        UnverifiedSession::by(app, request)?.confirm_trusted_within(app, limit).await
    }

    pub async fn of(app: &App, request: &Request) -> Result<Self, NotACaller> {
        UnverifiedSession::by(app, request)?.confirm_trusted(app).await
    }

    fn trust(caller: Caller) -> Result<Self, NotACaller> {
        if caller.device.trusted { Ok(Self { user: caller.user() }) } else { Err(NotACaller::NotTrusted) }
    }

    pub fn user(&self) -> UserId {
        self.user
    }
}

/// The token that a request carries, as a bearer or as a cookie; both ways and different is no token.
fn presented<'r>(app: &App, request: &'r Request, bearer: Option<&'r str>) -> Result<&'r str, NotACaller> {
    let cookie = cookie_name(app, request);
    let mut cookies = request.cookies(cookie);
    let first = cookies.next();
    let token = match (bearer, first) {
        (Some(bearer), cookie) => Some(bearer).filter(|bearer| cookie.is_none_or(|cookie| cookie == *bearer)),
        (None, Some(_)) if is_cross_site(app, request) => return Err(NotACaller::CrossSite),
        (None, cookie) => cookie,
    };
    let agreed = token.filter(|token| cookies.all(|cookie| cookie == *token));
    agreed.filter(|token| !token.is_empty()).ok_or(NotACaller::NotAuthenticated)
}

/// Whether a browser says that a page of another origin sends this request, and it may change something. Browsers
/// always say so; a request without these headers comes from another program.
fn is_cross_site(app: &App, request: &Request) -> bool {
    if request.method() == "GET" {
        return false;
    }
    let own = request.base_url(app);
    let is_client = |origin: &str| app.allowed_origins.iter().any(|allowed| allowed == origin);
    match (request.header("origin"), request.header("sec-fetch-site")) {
        (Some(origin), _) if is_client(origin) => false,
        (Some(origin), _) if origin != own => true,
        (_, Some(site)) => site != "same-origin",
        _ => false,
    }
}

/// The cookie that a session is in.
pub const COOKIE: &str = "next-auth.session-token";

/// The same under https. Browsers refuse to set a cookie of this name over plain http.
pub const SECURE_COOKIE: &str = "__Secure-next-auth.session-token";

fn cookie_name(app: &App, request: &Request) -> &'static str {
    if is_https(app, request) { SECURE_COOKIE } else { COOKIE }
}

fn is_https(app: &App, request: &Request) -> bool {
    request.base_url(app).starts_with("https:")
}

fn cookie(app: &App, request: &Request, token: &str, seconds: u64) -> String {
    let secure = if is_https(app, request) { "; Secure" } else { "" };
    let name = cookie_name(app, request);
    format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// A reply that gives a browser the session whose token its body tells as `data.token`.
pub fn signed_in(app: &App, request: &Request, reply: Reply) -> Reply {
    let body: serde_json::Value = serde_json::from_str(reply.body()).unwrap_or_default();
    match body["data"]["token"].as_str() {
        Some(token) => {
            let cookie = cookie(app, request, token, LIFETIME.as_secs());
            reply.cookie(cookie)
        }
        None => reply,
    }
}

/// A reply that makes a browser forget its session.
pub fn end_session(app: &App, request: &Request, reply: Reply) -> Reply {
    reply.cookie(cookie(app, request, "", 0))
}
