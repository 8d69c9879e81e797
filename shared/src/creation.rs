//! Requests that create something: each is done once per idempotency key, and within the limits that its row names.

use futures_util::join;
use http::StatusCode;

use crate::{
    app::App,
    http::{LinksError, Problem, Reply, Request},
    limits::{Denied, Limit},
    store::{Hit, IdempotencyRecord, Link, Replay, StoreError, WriteContext, Written},
    types::Slug,
};

/// What can be created. Each has a row.
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
    /// The limits that it counts in. What each counts by is given to [`NewRequest::begin`].
    limits: &'static [Limit],
}

impl Creation {
    #[rustfmt::skip]
    const fn row(self) -> Row {
        let (endpoint, status, limits): (_, _, &'static [Limit]) = match self {
            Self::Account                      => ("sign-up",                  201, &[Limit::SignUps]),
            Self::Card                         => ("upload-card",              201, &[Limit::Cards]),
            Self::Code                         => ("send-otp",                 200, &[Limit::CodesToAddress, Limit::Codes]),
            Self::Community                    => ("create-community",         201, &[Limit::Communities]),
            Self::CommunityMessage             => ("send-community-message",   201, &[Limit::CommunityMessages]),
            Self::InboxMessage                 => ("send-inbox-message",       201, &[Limit::InboxMessages]),
            Self::Link                         => ("create-link",              201, &[Limit::Links]),
            Self::LinkMessage                  => ("send-link-message",        201, &[Limit::LinkMessages]),
            Self::Membership                   => ("join-community",           201, &[Limit::CommunityChanges]),
            Self::PrivateMessageInConversation => ("send-to-conversation",     200, &[Limit::PrivateMessages]),
            Self::PrivateMessageToUser         => ("send-to-user",             200, &[Limit::PrivateMessages]),
            Self::PushSubscription             => ("create-push-subscription", 201, &[Limit::PushSubscriptions]),
            Self::Session                      => ("sign-in",                  200, &[]),
            Self::Upload                       => ("create-upload",            201, &[Limit::Uploads]),
        };
        Row { endpoint, status, limits }
    }
}

/// When a request without a key takes from its limits. One with a key always does so with its write: a replay takes nothing.
enum Counted {
    /// With the reads: one write unit.
    Early,
    /// In the transaction of the write: a read unit and two write units.
    WithTheWrite,
}

/// How a request that creates something begins.
pub enum Begun {
    New(NewRequest),
    /// It was answered before: the same again.
    Replay(Reply),
}

/// The first request with its idempotency key, or one without a key. Its limits have room for it.
pub struct NewRequest {
    /// What its write comes with.
    pub context: WriteContext,
    limits: Vec<(Limit, String)>,
    /// The key was used with another body, which [`Self::refuse_other_body`] tells.
    is_other_body: bool,
}

/// What a request asks to begin with.
struct Asked<'r> {
    creation: Creation,
    scope: &'r str,
    targets: &'r [&'r str],
    content: &'r [u8],
    counted: Counted,
}

impl NewRequest {
    /// Looks for the first answer under the request's key, and whether the limits have room: the write takes from them. Without a
    /// key it takes from the limits now. `scope` is what the key is scoped to besides the endpoint, and `targets` are what the
    /// limits of the row count by.
    pub async fn begin(
        app: &App,
        request: &Request,
        creation: Creation,
        scope: &str,
        targets: &[&str],
    ) -> Result<Begun, Problem> {
        let content = &request.body()?;
        let asked = Asked { creation, scope, targets, content, counted: Counted::Early };
        Self::begin_with(app, request, asked, std::future::ready(Ok(None::<()>)), |()| String::new()).await?.1
    }

    /// The same where the write takes from the limits also without a key. So an ended session takes nothing from them, not even for a
    /// moment.
    pub async fn begin_counted_by_write(
        app: &App,
        request: &Request,
        creation: Creation,
        scope: &str,
        targets: &[&str],
    ) -> Result<Begun, Problem> {
        let content = &request.body()?;
        let asked = Asked { creation, scope, targets, content, counted: Counted::WithTheWrite };
        Self::begin_with(app, request, asked, std::future::ready(Ok(None::<()>)), |()| String::new()).await?.1
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
        let asked = Asked { creation, scope, targets, content, counted: Counted::Early };
        Self::begin_with(app, request, asked, std::future::ready(Ok(None::<()>)), |()| String::new()).await?.1
    }

    /// The same for a message to a link, which is read at the same time: a key is good for the link that has the slug now. Errors of
    /// the link take precedence over limits. With a PIN the write takes from the limits, so that a wrong one takes nothing. The inner
    /// error: the first answer again.
    pub async fn begin_to_link(
        app: &App,
        request: &Request,
        slug: &Slug,
        has_pin: bool,
    ) -> Result<Result<(Link, Self), Reply>, LinksError> {
        let content = &request.body()?;
        let counted = if has_pin { Counted::WithTheWrite } else { Counted::Early };
        let (scope, targets) = (slug.as_str(), &[slug.as_str()]);
        let asked = Asked { creation: Creation::LinkMessage, scope, targets, content, counted };
        let (link, begun) =
            Self::begin_with(app, request, asked, app.store.link(slug), |link| link.id.to_string()).await?;
        let new = match begun {
            Ok(Begun::Replay(reply)) => return Ok(Err(reply)),
            Ok(Begun::New(new)) => Ok(new),
            Err(denied) => Err(denied),
        };
        let link = link.ok_or(LinksError::LinkNotFound)?;
        LinksError::unless_open(&link, request.now())?;
        match new {
            Ok(new) => Ok(Ok((link, new))),
            Err(denied) => match app.store.with_count(link, request.now()).await? {
                Some(link) if link.is_full() => Err(LinksError::Full),
                _ => Err(denied.into()),
            },
        }
    }

    /// `read` is read at the same time: what it finds has `id`, and the key is good for that one only.
    async fn begin_with<T>(
        app: &App,
        request: &Request,
        asked: Asked<'_>,
        read: impl Future<Output = Result<Option<T>, StoreError>>,
        id: impl Fn(&T) -> String,
    ) -> Result<(Option<T>, Result<Begun, Problem>), Problem> {
        let Asked { creation, scope, targets, content, counted } = asked;
        let Row { endpoint, status, limits } = creation.row();
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
        let (kept, found, plan) = join!(app.store.kept_answer(&record), read, app.limits.plan(&new.limits));
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
            Counted::WithTheWrite => {
                app.limits.refuse_flood(&self.limits)?;
                self.context.hits = app.limits.plan(&self.limits).await?;
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
        plan: Result<Vec<Hit>, Denied>,
    ) -> Result<Begun, Problem> {
        if let (None, Err(Denied::OverLimit(_))) = (&replay, &plan) {
            // What fills the window may be the very request that this one repeats.
            let (found, fresh) = join!(app.store.replay(&record), app.limits.take(Limit::FreshKeys, ""));
            replay = found?;
            if replay.is_none() {
                app.limits.note_fresh_key(fresh);
            }
        }
        match replay {
            Some(Replay::OtherBody) if creation == Creation::Session => self.is_other_body = true,
            Some(replay) => {
                app.limits.tell_unused(&plan);
                return replayed(replay).map(Begun::Replay);
            }
            None => {}
        }
        self.context.hits = plan?;
        self.context.record = Some(record);
        Ok(Begun::New(self))
    }

    /// [`Self::begin`] together with the check of who calls. What is wrong with the request (`asked`) is told to a caller only.
    pub async fn begin_as<C, T, E: From<Problem>>(
        caller: impl Future<Output = Result<C, E>>,
        asked: Result<T, E>,
        begin: impl Future<Output = Result<Begun, Problem>>,
    ) -> Result<(C, T, Begun), E> {
        match asked {
            Ok(asked) => {
                // Not `try_join!`: a hit that was taken is given back only when it is known.
                let (caller, begun) = join!(caller, begin);
                Ok((caller?, asked, begun?))
            }
            Err(wrong) => {
                caller.await?;
                Err(wrong)
            }
        }
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

    /// Tells that the key was used with another body: to whoever has shown who they are, where the key alone does not say so.
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
                app.limits.tell_unused(&Ok(self.context.hits.clone()));
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

    /// What the first request with the key got, if another one came first meanwhile: for a request that fails on what that one did.
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
