//! The caller in a community, and the caller's role in it. Every endpoint of communities begins with this.

use futures_util::{join, try_join};

use crate::{
    app::App,
    auth::{Caller, NotACaller, UnverifiedSession, confirm_and_read},
    bodies::{MemberBlockBody, PersonBody, Role, TwoBodies},
    http::{CommunitiesError, Reply, Request},
    limits::Limit,
    store::{Community, Member, StoreError, Thread},
    types::{CommunityId, UserId, Username},
};

/// A signed-in user and the community that the request names, which exists.
pub struct CommunityAccess {
    caller: Caller,
    pub community: Community,
    /// The caller's membership. It stays when the caller leaves or is blocked.
    pub member: Option<Member>,
}

impl CommunityAccess {
    pub async fn of(app: &App, request: &Request) -> Result<Self, CommunitiesError> {
        let session = UnverifiedSession::by(app, request)?;
        let (access, ()) = Self::with(app, request, session, async || Ok(())).await?;
        Ok(access)
    }

    /// The same for a caller who takes one from [`Limit::CommunityChanges`].
    pub async fn changing(app: &App, request: &Request) -> Result<Self, CommunitiesError> {
        let session = UnverifiedSession::by(app, request)?;
        let (access, ()) = Self::within(app, request, session, Limit::CommunityChanges, async || Ok(())).await?;
        Ok(access)
    }

    /// [`Self::of`], and `reads` in the same round trip. Errors come in the documented order: first those of the session, then that there
    /// is no community, then those of the reads.
    pub async fn with<R>(
        app: &App,
        request: &Request,
        session: UnverifiedSession,
        reads: impl AsyncFnOnce() -> Result<R, StoreError>,
    ) -> Result<(Self, R), CommunitiesError> {
        let user = session.user();
        Box::pin(Self::read(app, request, user, session.confirm(app), reads)).await
    }

    /// The same for a caller who takes one from `limit`.
    pub async fn within<R>(
        app: &App,
        request: &Request,
        session: UnverifiedSession,
        limit: Limit,
        reads: impl AsyncFnOnce() -> Result<R, StoreError>,
    ) -> Result<(Self, R), CommunitiesError> {
        let user = session.user();
        Box::pin(Self::read(app, request, user, session.confirm_within(app, limit), reads)).await
    }

    async fn read<R>(
        app: &App,
        request: &Request,
        user: UserId,
        caller: impl Future<Output = Result<Caller, NotACaller>>,
        reads: impl AsyncFnOnce() -> Result<R, StoreError>,
    ) -> Result<(Self, R), CommunitiesError> {
        let id = request.path("community_id");
        let asked = Ok::<_, CommunitiesError>(());
        let (caller, (), (community, member, found)) = confirm_and_read(caller, asked, async |()| {
            let community = found(id, |id| app.store.community(id));
            let member = found(id, |id| app.store.member(id, user));
            let (community, member, found) = join!(community, member, reads());
            Ok::<_, StoreError>((community?, member?, found))
        })
        .await?;
        let access = Self { caller, community: community.ok_or(CommunitiesError::CommunityNotFound)?, member };
        Ok((access, found?))
    }

    pub async fn of_creator(app: &App, request: &Request) -> Result<Self, CommunitiesError> {
        Self::of(app, request).await?.by_creator()
    }

    /// For what only the creator does.
    pub fn by_creator(self) -> Result<Self, CommunitiesError> {
        if self.is_creator() { Ok(self) } else { Err(CommunitiesError::NotTheCreator) }
    }

    pub fn user(&self) -> UserId {
        self.caller.user()
    }

    pub fn username(&self) -> &Username {
        &self.caller.session.username
    }

    pub fn is_creator(&self) -> bool {
        self.community.creator == self.user()
    }

    pub fn role(&self) -> Option<Role> {
        match &self.member {
            _ if self.is_creator() => Some(Role::Creator),
            Some(member) if member.may_write() => Some(Role::Member),
            _ => None,
        }
    }
}

/// A caller in a community, and the other user whom the request names. One of the two should be the creator, the other
/// one a member, also a former one.
pub struct MemberPair {
    pub access: CommunityAccess,
    other: Option<Other>,
    thread: Option<Thread>,
}

struct Other {
    id: UserId,
    member: Option<Member>,
    thread: Option<Thread>,
    /// None when the account is gone.
    username: Option<Username>,
}

impl MemberPair {
    /// `other` is none where the request names no user.
    pub async fn of(app: &App, request: &Request, other: Option<UserId>) -> Result<Self, CommunitiesError> {
        let session = UnverifiedSession::by(app, request)?;
        let (pair, ()) = Self::with(app, request, session, other, async || Ok(())).await?;
        Ok(pair)
    }

    /// The same for a caller who takes one from `limit`.
    pub async fn within(
        app: &App,
        request: &Request,
        other: Option<UserId>,
        limit: Limit,
    ) -> Result<Self, CommunitiesError> {
        let session = UnverifiedSession::by(app, request)?;
        let caller = session.user();
        let reads = Box::pin(Self::reads(app, request, caller, other));
        let (access, (other, thread)) =
            CommunityAccess::within(app, request, session, limit, async || reads.await).await?;
        Ok(Self { access, other, thread })
    }

    /// [`Self::of`], and `reads` in the same round trip ([`CommunityAccess::with`]).
    pub async fn with<R>(
        app: &App,
        request: &Request,
        session: UnverifiedSession,
        other: Option<UserId>,
        reads: impl AsyncFnOnce() -> Result<R, StoreError>,
    ) -> Result<(Self, R), CommunitiesError> {
        // Boxed, as futures in futures soon exceed what the compiler lays out.
        let own = Box::pin(Self::reads(app, request, session.user(), other));
        let (access, ((other, thread), found)) = CommunityAccess::with(app, request, session, async || {
            let (own, found) = join!(own, reads());
            Ok((own?, found?))
        })
        .await?;
        Ok((Self { access, other, thread }, found))
    }

    /// What there is of the two besides the caller's membership.
    async fn reads(
        app: &App,
        request: &Request,
        user: UserId,
        other: Option<UserId>,
    ) -> Result<(Option<Other>, Option<Thread>), StoreError> {
        let both = request.path("community_id").zip(other);
        let thread = |id: CommunityId, user| app.store.community_thread(id, app.tokens.conversation_tag(id, user));
        let other = found(both, async |(id, other)| {
            let (member, thread, username) =
                try_join!(app.store.member(id, other), thread(id, other), app.store.username_of(other))?;
            Ok(Some(Other { id: other, member, thread, username }))
        });
        let (other, thread) = join!(other, found(both, |(id, _)| thread(id, user)));
        Ok((other?, thread?))
    }

    /// The one of the two who is not the creator, with that member's conversation. None where the two can't have one.
    pub fn conversation(&self) -> Option<(&Member, Option<&Thread>)> {
        let other = self.other.as_ref()?;
        if self.access.is_creator() {
            // A creator is no member, so this is no conversation with oneself.
            return Some((other.member.as_ref()?, other.thread.as_ref()));
        }
        let is_with_creator = other.id == self.access.community.creator;
        self.access.member.as_ref().filter(|_| is_with_creator).map(|member| (member, self.thread.as_ref()))
    }

    /// Blocks the member for the creator, or takes the block back.
    pub async fn set_block(&self, app: &App, blocked: bool) -> Result<Reply, CommunitiesError> {
        if !self.access.is_creator() {
            return Err(CommunitiesError::NotTheCreator);
        }
        let (member, thread) = self.conversation().ok_or(CommunitiesError::MemberNotFound)?;
        let (community, user) = (self.access.community.id, member.user_id);
        let tag = app.tokens.conversation_tag(community, user);
        if !app.store.set_member_block(community, tag, member.clone(), thread.cloned(), blocked).await? {
            return Err(CommunitiesError::MemberNotFound);
        }
        Ok(Reply::ok(&MemberBlockBody { user_id: user, blocked }))
    }

    /// Whether the other user has an account.
    pub fn has_account(&self) -> bool {
        self.other.as_ref().is_some_and(|other| other.username.is_some())
    }

    /// Both users, as others see them.
    pub fn bodies(&self, other: UserId) -> TwoBodies<'_> {
        let name = self.other.as_ref().and_then(|other| other.username.as_ref());
        TwoBodies([PersonBody::of(self.access.user(), Some(self.access.username())), PersonBody::of(other, name)])
    }
}

/// Reads what stands under a key, if there is a key.
async fn found<K, T>(
    key: Option<K>,
    read: impl AsyncFnOnce(K) -> Result<Option<T>, StoreError>,
) -> Result<Option<T>, StoreError> {
    match key {
        Some(key) => read(key).await,
        None => Ok(None),
    }
}
