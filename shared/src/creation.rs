//! Requests that create something: each is done once per idempotency key, and within the limits that its row names.

use futures_util::join;
use http::StatusCode;

use crate::{
    app::App,
    http::{LinksError, Problem, Reply, Request},
    limits::{Denied, Limit},
    store::{Hit, IdempotencyRecord, Link, Reading, Replay, StoreError, WriteContext, Written},
    types::Slug,
};

/// Everything that a request can create. Each has a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    Account,
    Card,
    Code,
    Community,
    CommunityMessage,
    InboxMessage,
    Link,
    LinkMessage,
    Membership,
    PrivateMessageInConversation,
    PrivateMessageToUser,
    PushSubscription,
    Session,
    Upload,
}

/// The row of a creation.
struct Row {
    /// Keys of different endpoints are different keys.
    endpoint: &'static str,
    /// Of the answer, the first time and again.
    status: u16,
    counted: Counted,
    /// The limits that it counts in. The targets that they count by are given to [`NewRequest::begin`].
    limits: &'static [Limit],
}

/// When a request without a key takes from its limits. One with a key always does so with its write: a replay takes nothing.
#[derive(Clone, Copy)]
enum Counted {
    /// With the reads: one write unit.
    Early,
    /// In the transaction of the write: half a read unit and two write units. A request that is refused takes nothing from the limits,
    /// not even for a moment.
    ByWrite,
}

impl Creation {
    #[rustfmt::skip]
    const fn row(self) -> Row {
        use Counted::{ByWrite, Early};
        let (endpoint, status, counted, limits): (_, _, _, &'static [Limit]) = match self {
            Self::Account                      => ("sign-up",                  201, Early,   &[Limit::SignUps]),
            Self::Card                         => ("upload-card",              201, Early,   &[Limit::Cards]),
            Self::Code                         => ("send-otp",                 200, Early,   &[Limit::CodesToAddress, Limit::Codes]),
            Self::Community                    => ("create-community",         201, Early,   &[Limit::Communities]),
            Self::CommunityMessage             => ("send-community-message",   201, Early,   &[Limit::CommunityMessages]),
            Self::InboxMessage                 => ("send-inbox-message",       201, Early,   &[Limit::InboxMessages]),
            Self::Link                         => ("create-link",              201, Early,   &[Limit::Links]),
            // With a PIN by its write.
            Self::LinkMessage                  => ("send-link-message",        201, Early,   &[Limit::LinkMessages]),
            Self::Membership                   => ("join-community",           201, Early,   &[Limit::CommunityChanges]),
            Self::PrivateMessageInConversation => ("send-to-conversation",     200, ByWrite, &[Limit::PrivateMessages]),
            Self::PrivateMessageToUser         => ("send-to-user",             200, ByWrite, &[Limit::PrivateMessages]),
            Self::PushSubscription             => ("create-push-subscription", 201, Early,   &[Limit::PushSubscriptions]),
            Self::Session                      => ("sign-in",                  200, Early,   &[]),
            Self::Upload                       => ("create-upload",            201, Early,   &[Limit::Uploads]),
        };
        Row { endpoint, status, counted, limits }
    }
}

/// How a request that creates something begins.
pub enum Begun<T = NewRequest> {
    New(T),
    /// It was answered before: the same again.
    Replay(Reply),
}

/// The first request with its idempotency key, or one without a key. Its limits have room for it.
pub struct NewRequest {
    /// Its write adds this to its own items.
    pub context: WriteContext,
    limits: Vec<(Limit, String)>,
    /// The key was used with another body, which [`Self::refuse_other_body`] tells.
    is_other_body: bool,
}

/// How a request asks to begin.
struct Asked<'r> {
    creation: Creation,
    scope: &'r str,
    targets: &'r [&'r str],
    content: &'r [u8],
    counted: Counted,
}

impl NewRequest {
    /// Looks for the first answer under the request's key, and whether the limits have room: the write takes from them. Without a
    /// key it takes from the limits now, unless the row says that the write does. `scope` is the scope of the key besides the endpoint,
    /// and the limits of the row count by `targets`.
    pub async fn begin(
        app: &App,
        request: &Request,
        creation: Creation,
        scope: &str,
        targets: &[&str],
    ) -> Result<Begun, Problem> {
        let content = &request.body()?;
        Self::begin_with_content(app, request, creation, scope, targets, content).await
    }

    /// The same for a body whose bytes differ from one try to the next: two requests are the same when their `content` is.
    pub async fn begin_with_content(
        app: &App,
        request: &Request,
        creation: Creation,
        scope: &str,
        targets: &[&str],
        content: &[u8],
    ) -> Result<Begun, Problem> {
        let asked = Asked { creation, scope, targets, content, counted: creation.row().counted };
        let nothing = std::future::ready(Ok(None::<()>));
        let (_, begun) = Self::begin_and_read(app, request, asked, nothing, |()| String::new()).await?;
        begun
    }

    /// The same for a message to a link, which is read at the same time: a key is good for the link that has the slug now. Errors of
    /// the link take precedence over limits. With a PIN the write takes from the limits, so that a wrong one takes nothing.
    pub async fn begin_to_link(
        app: &App,
        request: &Request,
        slug: &Slug,
        has_pin: bool,
    ) -> Result<Begun<(Link, Self)>, LinksError> {
        let content = &request.body()?;
        let creation = Creation::LinkMessage;
        let counted = if has_pin { Counted::ByWrite } else { creation.row().counted };
        let (scope, targets) = (slug.as_str(), &[slug.as_str()]);
        let asked = Asked { creation, scope, targets, content, counted };
        let (link, begun) =
            Self::begin_and_read(app, request, asked, app.store.link(slug), |link| link.id.to_string()).await?;
        let new = match begun {
            Ok(Begun::Replay(reply)) => return Ok(Begun::Replay(reply)),
            Ok(Begun::New(new)) => Ok(new),
            Err(denied) => Err(denied),
        };
        let link = link.ok_or(LinksError::LinkNotFound)?;
        LinksError::unless_open(&link, request.now())?;
        match new {
            Ok(new) => Ok(Begun::New((link, new))),
            Err(denied) => match app.store.with_count(link, request.now()).await? {
                Some(link) if link.is_full() => Err(LinksError::Full),
                _ => Err(denied.into()),
            },
        }
    }

    /// `read` runs at the same time. If it finds something, the key is good for that one only, which `id` names. Returns both outcomes,
    /// as the caller knows whose errors come first.
    async fn begin_and_read<T>(
        app: &App,
        request: &Request,
        asked: Asked<'_>,
        read: impl Future<Output = Result<Option<T>, StoreError>>,
        id: impl Fn(&T) -> String,
    ) -> Result<(Option<T>, Result<Begun, Problem>), Problem> {
        let Asked { creation, scope, targets, content, counted } = asked;
        let Row { endpoint, status, limits, .. } = creation.row();
        let limits: Vec<_> = limits.iter().zip(targets).map(|(limit, target)| (*limit, (*target).to_owned())).collect();
        let context = WriteContext { record: None, hits: Vec::new(), status, now: request.now() };
        let new = Self { context, limits, is_other_body: false };
        let Some(key) = request.idempotency_key()? else {
            let (found, begun) = join!(read, new.begin_without_key(app, counted));
            return Ok((found?, begun));
        };
        let mut record = IdempotencyRecord::new(app.tokens.clone(), endpoint, scope, key, content, request.now());
        if creation == Creation::Code {
            // Its mail is sent after the write.
            record = record.under_way();
        }
        app.limits.refuse_keyed_flood(&new.limits)?;
        let plan = app.limits.plan(&new.limits, Reading::Eventual);
        let (kept, found, plan) = join!(app.store.kept_answer(&record), read, plan);
        let found = found?;
        if let Some(found) = &found {
            record.bind_to(&id(found));
        }
        let replay = match kept?.map(|kept| record.judge(kept)).transpose()?.flatten() {
            Some(Replay::UnderWay) => app.store.replay(&record).await?,
            replay => replay,
        };
        Ok((found, new.begin_with_key(app, creation, record, replay, plan).await))
    }

    async fn begin_without_key(mut self, app: &App, counted: Counted) -> Result<Begun, Problem> {
        match counted {
            Counted::Early => app.limits.take_all(&self.limits).await?,
            Counted::ByWrite => {
                app.limits.refuse_flood(&self.limits)?;
                let plan = match app.limits.plan(&self.limits, Reading::Eventual).await {
                    Err(Denied::OverLimit(_)) => app.limits.plan(&self.limits, Reading::Consistent).await,
                    plan => plan,
                };
                self.context.hits = plan?;
            }
        }
        Ok(Begun::New(self))
    }

    async fn begin_with_key(
        mut self,
        app: &App,
        creation: Creation,
        record: IdempotencyRecord,
        mut replay: Option<Replay>,
        mut plan: Result<Vec<Hit>, Denied>,
    ) -> Result<Begun, Problem> {
        if let (None, Err(Denied::OverLimit(_))) = (&replay, &plan) {
            // The window may be full of the very request that this one repeats. Or it was read before a hit was given back.
            let exact = app.limits.plan(&self.limits, Reading::Consistent);
            let (found, fresh_key, exact) = join!(app.store.replay(&record), app.limits.take_fresh_key(), exact);
            (replay, plan) = (found?, exact);
            match (&replay, &plan) {
                (None, Err(Denied::OverLimit(_))) => app.limits.keep_fresh_key(fresh_key),
                _ => app.limits.refund(Limit::FreshKeys).await,
            }
        }
        match replay {
            Some(Replay::OtherBody) if creation == Creation::Session => self.is_other_body = true,
            Some(replay) => {
                match &plan {
                    Ok(hits) => app.limits.tell_unused(hits),
                    Err(Denied::OverLimit(full)) => app.limits.tell_full(*full),
                    Err(Denied::Failed(_)) => {}
                }
                return replayed(replay).map(Begun::Replay);
            }
            None => {}
        }
        self.context.hits = plan?;
        self.context.record = Some(record);
        Ok(Begun::New(self))
    }

    pub fn has_key(&self) -> bool {
        self.context.record.is_some()
    }

    /// Counts the request although it is refused, as its refusal tells something.
    pub async fn count_refusal(self, app: &App) -> Result<(), Problem> {
        if !self.context.hits.is_empty() {
            app.limits.take_all(&self.limits).await?;
        }
        app.limits.count_anyway();
        Ok(())
    }

    /// Refuses a key that was used with another body. Some endpoints ask for a password first, so that the key alone does not tell this.
    pub fn refuse_other_body(&self) -> Result<(), Problem> {
        if self.is_other_body { Err(Problem::reused_key()) } else { Ok(()) }
    }

    /// The answer for how the write ended; `refused` words what the write's own conditions refused.
    pub async fn finish<R, E: From<Problem>>(
        self,
        app: &App,
        written: Result<Written<R>, StoreError>,
        refused: impl FnOnce(R) -> E,
    ) -> Result<Reply, E> {
        match written {
            Ok(Written::Done(body)) => {
                app.limits.tell_used(&self.context.hits);
                Ok(Reply::created(body).with_status(StatusCode::from_u16(self.context.status).unwrap_or_default()))
            }
            Ok(Written::Replayed(replay)) => {
                app.limits.tell_unused(&self.context.hits);
                Ok(self.replayed_in_the_end(app, replay).await?)
            }
            Ok(Written::OverLimit(too_many)) => Err(Problem::from(too_many).into()),
            Ok(Written::Refused(reason)) => Err(refused(reason)),
            Err(error) => {
                app.limits.count_anyway();
                Err(Problem::from(error).into())
            }
        }
    }

    /// Another request with the key came first, and may still be under way.
    async fn replayed_in_the_end(self, app: &App, replay: Replay) -> Result<Reply, Problem> {
        match (replay, &self.context.record) {
            (Replay::UnderWay, Some(record)) => replayed(app.store.replay(record).await?.unwrap_or(Replay::UnderWay)),
            (replay, _) => replayed(replay),
        }
    }

    /// The answer to the first request with the key, if another one came first meanwhile: for a request that fails because of it.
    pub async fn replay(&self, app: &App) -> Result<Option<Reply>, Problem> {
        let record = self.context.record.as_ref().filter(|_| !self.is_other_body);
        let Some(record) = record else { return Ok(None) };
        app.store.replay(record).await?.map(replayed).transpose()
    }
}

fn replayed(replay: Replay) -> Result<Reply, Problem> {
    match replay {
        Replay::Answer { status, body } => Ok(Reply::replayed(status, body)),
        Replay::OtherBody => Err(Problem::reused_key()),
        Replay::UnderWay => Err(Problem::under_way()),
    }
}
