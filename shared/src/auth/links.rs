//! Who may act on a link: whoever has its admin token, and senders with its PIN.

use futures_util::join;

use crate::{
    app::App,
    http::{LinksError, Request},
    limits::{Attempt, Denied, Limit},
    store::{Link, SlugClaim},
    tokens::AdminToken,
    types::{PinTry, Slug},
};

use super::{NotACaller, UnverifiedSession};

/// The admin token that a request carries: 64 hex digits in `?token=` or as a bearer. Both ways and different: wrong.
struct GivenToken(Option<AdminToken>);

impl GivenToken {
    /// `None` when the request carries none.
    fn by(request: &Request) -> Option<Self> {
        let query = request.query("token").filter(|token| !token.is_empty()).map(|token| AdminToken::parse(&token));
        let bearer = request.bearer().filter(|token| !token.is_empty()).map(AdminToken::parse);
        match (query, bearer) {
            (Some(Some(query)), Some(Some(bearer))) => Some(Self(Some(query).filter(|query| query.is(&bearer)))),
            (Some(_), Some(_)) => Some(Self(None)),
            (one, other) => one.or(other).map(Self),
        }
    }

    fn opens(&self, link: &Link) -> bool {
        self.0.as_ref().is_some_and(|token| link.admin_token.is_of(token))
    }
}

/// Whoever created the link, by its admin token.
pub struct LinkOwner {
    link: Link,
}

impl LinkOwner {
    /// The owner of a link that is there.
    pub async fn of(app: &App, request: &Request, slug: Option<Slug>) -> Result<Self, LinksError> {
        let owner = Self::of_remains(app, request, slug).await?;
        if owner.link.deleting { Err(LinksError::LinkNotFound) } else { Ok(owner) }
    }

    /// The owner of a link that is there. The client takes one from `limit` in the same round trip.
    pub async fn within(app: &App, request: &Request, slug: Option<Slug>, limit: Limit) -> Result<Self, LinksError> {
        let (owner, taken) = join!(Self::of(app, request, slug), app.limits.take(limit, ""));
        let owner = owner?;
        taken?;
        Ok(owner)
    }

    /// The owner of a link, also while its deletion is under way.
    pub async fn of_remains(app: &App, request: &Request, slug: Option<Slug>) -> Result<Self, LinksError> {
        let presented = GivenToken::by(request).ok_or(LinksError::AdminTokenRequired)?;
        let slug = slug.ok_or(LinksError::LinkNotFound)?;
        let link = app.store.link_or_remains(&slug).await?.ok_or(LinksError::LinkNotFound)?;
        if presented.opens(&link) { Ok(Self { link }) } else { Err(LinksError::WrongAdminToken) }
    }

    /// Whether the request carries the admin token of `link`; an error when it carries another one.
    pub fn is_present(request: &Request, link: &Link) -> Result<bool, LinksError> {
        match GivenToken::by(request) {
            None => Ok(false),
            Some(presented) if presented.opens(link) => Ok(true),
            Some(_) => Err(LinksError::WrongAdminToken),
        }
    }

    pub fn link(&self) -> &Link {
        &self.link
    }

    pub fn into_link(self) -> Link {
        self.link
    }
}

/// Reads the proof that the caller deleted the link that had `slug`: its admin token as a bearer, or a session of its account.
pub async fn slug_claim(app: &App, request: &Request, slug: Option<&Slug>) -> Result<SlugClaim, NotACaller> {
    if slug.is_none() {
        return Ok(SlugClaim::default());
    }
    if let Some(token) = request.bearer().and_then(AdminToken::parse) {
        return Ok(SlugClaim { admin_token: Some(token.hash()), user: None });
    }
    // Callers without a session may make links, too.
    let Ok(session) = UnverifiedSession::by(app, request) else { return Ok(SlugClaim::default()) };
    match session.confirm(app).await {
        Ok(caller) => Ok(SlugClaim { admin_token: None, user: Some(caller.user()) }),
        Err(error @ NotACaller::Failed(_)) => Err(error),
        Err(_) => Ok(SlugClaim::default()),
    }
}

/// A sender whom a link let in.
pub struct PinPassed(Option<Attempt>);

/// An attempt at a PIN, counted before it is known whether the link has one.
pub struct PinAttempt(Option<(PinTry, Result<Attempt, Denied>)>);

impl PinAttempt {
    /// Counts the attempt. A message without a PIN is none.
    pub async fn begin(app: &App, slug: &Slug, pin: Option<PinTry>) -> Self {
        let Some(pin) = pin else { return Self(None) };
        let target = slug.as_str().to_owned();
        let limits = [(Limit::Pins, target.clone()), (Limit::LinkPins, target)];
        Self(Some((pin, app.limits.attempt(&limits).await)))
    }

    /// Checks the PIN of a link that has one.
    pub async fn check(self, link: &Link) -> Result<PinPassed, LinksError> {
        match (&link.pin, self.0) {
            (None, attempted) => Ok(PinPassed(attempted.and_then(|(_, attempt)| attempt.ok()))),
            (Some(_), None) => Err(LinksError::PinRequired),
            (Some(hash), Some((pin, attempt))) => {
                let attempt = attempt?;
                if hash.is_of(pin.as_str()).await {
                    return Ok(PinPassed(Some(attempt)));
                }
                attempt.failed().await;
                Err(LinksError::WrongPin)
            }
        }
    }
}

impl PinPassed {
    /// A right PIN is no failure.
    pub async fn succeeded(self) {
        if let Some(attempt) = self.0 {
            attempt.succeeded().await;
        }
    }
}
