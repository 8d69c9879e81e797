//! Who may act on a link: whoever has its admin token, and senders with its PIN.

use crate::{
    app::App,
    http::{LinksError, Request},
    limits::Limit,
    store::{Link, TooMany, Tries},
    tokens::AdminToken,
    types::{PinTry, Slug, UserId},
};

use super::{NotACaller, UnverifiedSession};

/// The admin token that a request carries: 64 hex digits in `?token=` or as a bearer. Both ways and different: wrong.
struct GivenToken(Option<AdminToken>);

impl GivenToken {
    /// `None` when the request carries none.
    fn by(request: &Request) -> Option<Self> {
        let query = request.query("token").filter(|token| !token.is_empty());
        let token = match (&query, request.bearer()) {
            (None, None) => return None,
            (Some(query), Some(bearer)) if *query != bearer => None,
            (Some(token), _) => AdminToken::parse(token),
            (None, Some(token)) => AdminToken::parse(token),
        };
        Some(Self(token))
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

/// Who is to be told of a new link's messages: whoever is signed in, or nobody.
pub async fn notified(app: &App, presented: Option<UnverifiedSession>) -> Result<Option<UserId>, NotACaller> {
    match presented {
        Some(presented) => Ok(Some(presented.confirm(app).await?.user())),
        None => Ok(None),
    }
}

/// A sender whom a link let in.
pub struct PinPassed<'a>(Option<Tries<'a>>);

impl<'a> PinPassed<'a> {
    /// Checks the PIN of a link that has one. A try is counted before the PIN is looked at, so that tries that race can't
    /// outrun the limit. The inner error: too many tries.
    pub async fn to(
        app: &'a App,
        request: &Request,
        link: &Link,
        pin: Option<PinTry>,
    ) -> Result<Result<Self, TooMany>, LinksError> {
        let Some(hash) = &link.pin else { return Ok(Ok(Self(None))) };
        let pin = pin.ok_or(LinksError::PinRequired)?;
        let meter = Limit::Pins.blank_meter(&app.tokens, request.client(), link.id, request.now());
        let tries = match Tries::count(&app.store, vec![meter], request.now()).await? {
            Ok(tries) => tries,
            Err(too_many) => return Ok(Err(too_many)),
        };
        if hash.is_of(pin.as_str()).await { Ok(Ok(Self(Some(tries)))) } else { Err(LinksError::WrongPin) }
    }

    /// A right PIN is no try.
    pub async fn uncount(self, app: &App) {
        if let Some(mut tries) = self.0 {
            tries.uncount(&app.store).await;
        }
    }
}
