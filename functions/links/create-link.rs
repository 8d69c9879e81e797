//! `POST /api/links`: makes a link, and shows its admin token for the only time.

use shared::prelude::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewLink {
    slug: Option<Slug>,
    title: Title,
    description: Option<Description>,
    pin: Option<Pin>,
    expires_at: Option<Timestamp>,
    starts_at: Option<Timestamp>,
    max_messages: Option<MaxMessages>,
    /// Whoever is signed in is told of its messages. Nobody else has to be signed in.
    notify: Option<bool>,
}

async fn handle(app: &App, request: &Request) -> Result<Reply, LinksError> {
    let asked: NewLink = request.json()?;
    check_times(&asked, request.now())?;
    let session = if asked.notify == Some(true) { Some(UnverifiedSession::beside_token(app, request)?) } else { None };
    let scope = session.as_ref().map_or_else(|| request.client_scope(), |session| session.user().to_string());

    let begin = NewRequest::begin(app, request, Creation::Link, &scope, &[""]);
    let slug = asked.slug.clone();
    let callers = async {
        try_join!(
            notified(app, session).map_err(LinksError::from),
            slug_claim(app, request, slug.as_ref()).map_err(LinksError::from),
        )
    };
    let ((owner, claim), asked, begun) = NewRequest::begin_as(callers, Ok(asked), begin).await?;
    let mut new = match begun {
        Begun::New(new) => new,
        Begun::Replay(reply) => return Ok(reply),
    };

    let admin_token = AdminToken::generate();
    let link = asked.into_link(owner, &admin_token, request.now()).await;
    let answer = answer(&link, &admin_token, &request.base_url(app), request.now());
    let written = app.store.create_link(&link, &claim, &answer, &mut new.context).await;
    new.finish(app, written, |store::SlugTaken| LinksError::SlugTaken).await
}

fn check_times(asked: &NewLink, now: Timestamp) -> Result<(), LinksError> {
    match (asked.starts_at, asked.expires_at) {
        (_, Some(end)) if end <= now => Err(LinksError::ExpiresInThePast),
        (Some(start), Some(end)) if end <= start => Err(LinksError::ExpiresBeforeStart),
        _ => Ok(()),
    }
}

impl NewLink {
    async fn into_link(self, owner: Option<UserId>, admin_token: &AdminToken, now: Timestamp) -> Link {
        let slug = self.slug.unwrap_or_else(|| Slug::generate(random()));
        let pin = match self.pin {
            Some(pin) => Some(SecretHash::of(pin.as_str()).await),
            None => None,
        };
        Link {
            description: self.description,
            pin,
            starts_at: self.starts_at,
            expires_at: self.expires_at,
            max_messages: self.max_messages,
            message_count: self.max_messages.map(|_| 0),
            owner,
            ..Link::new(LinkId::new(now, random()), slug, self.title, admin_token.hash(), now)
        }
    }
}

fn answer(link: &Link, admin_token: &AdminToken, base_url: &str, now: Timestamp) -> String {
    let (share_url, token) = (format!("{base_url}/{}", link.slug.as_str()), admin_token.reveal());
    let admin_url = format!("{share_url}/admin?token={token}");
    let link = LinkBody::of(link, now);
    json!({ "link": link, "shareUrl": share_url, "adminUrl": admin_url, "adminToken": token }).to_string()
}

shared::lambda!(handle, sessions);
