//! Sending a private message: the same whether to a user or to a conversation.

use std::mem;

use futures_util::{TryFutureExt, join, try_join};
use http::StatusCode;

use crate::{
    app::App,
    auth::{TrustedCaller, UnverifiedSession},
    bodies::{NewPrivateMessage, PrivateMessageBody},
    http::{PrivateError, Problem, Reply, Request, processed},
    limits::{Counted, Limit},
    store::{
        Guards, Media, Meter, Participant, PrivateDraft, PrivateMessage, Repeat, SentPrivately, Stopped, StoreError,
        TooMany, Tries,
    },
    tokens::random,
    types::{AssetSet, ConversationId, PublicIds, Upload, UserId},
};

/// A message that its sender may send, as far as that can be known before it is written.
pub struct Outgoing<'a> {
    app: &'a App,
    caller: TrustedCaller,
    send: NewPrivateMessage,
    conversation: ConversationId,
    own: Option<Participant>,
    /// There is an account of the recipient's, as far as the recipient was named.
    is_to_somebody: bool,
    guards: Guards<'a>,
}

pub enum Opened<'a> {
    New(Box<Outgoing<'a>>),
    /// It was sent before: the first answer again.
    Repeated(Reply),
}

impl<'a> Outgoing<'a> {
    /// Who sends, how often that user may, and what. An idempotency key is scoped to `endpoint`, the user and the conversation.
    pub async fn open(
        app: &'a App,
        request: &Request,
        presented: UnverifiedSession,
        conversation: ConversationId,
        recipient: Option<UserId>,
        endpoint: &'static str,
    ) -> Result<Opened<'a>, PrivateError> {
        let (now, user) = (request.now(), presented.user());
        let gate = app.limits.admit(&app.tokens, Limit::PrivateMessages, Counted::Everyone, &user.to_string(), now)?;
        let (once, send) =
            request.asked(app, endpoint, &format!("{user} {conversation}"), request.json::<NewPrivateMessage>());
        let is_to_somebody = async {
            match recipient {
                Some(recipient) => app.store.has_account(recipient).await,
                None => Ok(true),
            }
        };
        let (caller, meter, repeat, own, is_to_somebody) = try_join!(
            presented.confirm_trusted(app).map_err(PrivateError::from),
            gate.meter(&app.store).err_into(),
            app.store.repeat(once.as_ref()).err_into(),
            app.store.participant(user, conversation).err_into(),
            is_to_somebody.err_into(),
        )?;
        // Who may not come in at all is told that first.
        let send = send?;
        if let Some(repeat) = repeat {
            return Ok(Opened::Repeated(first_answer(repeat)?.metered(meter.as_ref(), now)));
        }
        let guards = Guards { meters: meter.into_iter().collect(), once, answer: String::new(), now };
        Ok(Opened::New(Box::new(Self { app, caller, send, conversation, own, is_to_somebody, guards })))
    }

    pub fn sender(&self) -> UserId {
        self.caller.user()
    }

    /// The other one in the conversation; `None` when there is no conversation with the sender in it.
    pub fn partner(&self) -> Option<UserId> {
        self.own.as_ref().filter(|own| own.has_begun()).map(|own| own.partner)
    }

    /// Sends it with its media, or leaves nothing of either.
    pub async fn send_to(mut self, recipient: UserId) -> Result<Reply, PrivateError> {
        let uploads = self.uploads()?;
        if !self.is_to_somebody {
            return Err(PrivateError::UnknownUser);
        }
        if self.own.as_ref().is_some_and(|own| own.blocks) {
            return Err(PrivateError::Blocked);
        }
        if uploads.is_empty() {
            let sent = self.write(recipient, Vec::new()).await?;
            let meters = mem::take(&mut self.guards.meters);
            return self.answer(sent, meters.iter());
        }
        // Counted before it is made: media are work also where the message then can't be sent.
        let mut tries = match self.count().await? {
            Ok(tries) => tries,
            // What fills the window may be the very requests that this one repeats.
            Err(too_many) => match self.app.store.late_repeat(self.guards.once.as_ref()).await? {
                Some(repeat) => return Ok(first_answer(repeat)?),
                None => return Err(too_many.into()),
            },
        };
        let sent = match self.send_with(recipient, &uploads).await {
            Ok(sent) => sent,
            // The first request with this key may have taken the uploads.
            Err(error) => match self.app.store.repeat(self.guards.once.as_ref()).await? {
                Some(repeat) => SentPrivately::Stopped(Stopped::Repeated(repeat)),
                None => return Err(error),
            },
        };
        if matches!(sent, SentPrivately::Stopped(_)) {
            tries.uncount(&self.app.store).await;
        }
        self.answer(sent, tries.meters())
    }

    /// Takes a place in the sender's limit. While the limiter is down there is none to take.
    async fn count(&mut self) -> Result<Result<Tries<'a>, TooMany>, StoreError> {
        let meters = mem::take(&mut self.guards.meters);
        match Tries::count(&self.app.store, meters, self.guards.now).await {
            Ok(counted) => Ok(counted),
            Err(error) => {
                self.app.store.record_degradation(&error);
                Tries::count(&self.app.store, Vec::new(), self.guards.now).await
            }
        }
    }

    /// Makes the uploads the message's, and writes it.
    async fn send_with(&mut self, recipient: UserId, uploads: &[Upload]) -> Result<SentPrivately, PrivateError> {
        let set = AssetSet::from_bytes(random());
        let media = self.promote(recipient, uploads, set).await?;
        let sent = match self.write(recipient, media).await {
            Ok(sent) => sent,
            // Whether it is written is unknown. Once its objects are given up, it never will be.
            Err(error) if self.app.store.abandon_assets(self.conversation, set).await? => {
                self.discard(set).await;
                return Err(error.into());
            }
            Err(error) => {
                self.app.store.record_degradation(&error);
                SentPrivately::Done
            }
        };
        match &sent {
            SentPrivately::Done => self.tidy(uploads).await,
            _ => self.discard(set).await,
        }
        Ok(sent)
    }

    /// The sender's own uploads that the message names.
    fn uploads(&self) -> Result<Vec<Upload>, PrivateError> {
        let names = self.send.media.iter().flat_map(PublicIds::iter);
        let upload = |name| match Upload::named(name, self.sender()) {
            Ok(Some(upload)) if self.send.kind.may_carry(upload.kind) => Ok(upload),
            Ok(Some(_)) => Err(PrivateError::MixedMedia(self.send.kind)),
            Ok(None) => Err(PrivateError::NotPromoted(StoreError::Upload("has no name of ours"))),
            Err(_) => Err(PrivateError::ForeignMedia),
        };
        names.map(upload).collect()
    }

    /// Makes the uploads the message's. Where one can't be, nothing is left of the others.
    async fn promote(&self, recipient: UserId, uploads: &[Upload], set: AssetSet) -> Result<Vec<Media>, PrivateError> {
        let Self { app, conversation, .. } = self;
        let (checked, announced, theirs) = join!(
            app.attachments.check(uploads),
            app.store.reserve_assets(*conversation, set, self.guards.now),
            app.store.participant(recipient, *conversation),
        );
        announced.map_err(PrivateError::NotPromoted)?;
        let checked = match (theirs, checked) {
            (Ok(theirs), Ok(checked)) if !theirs.as_ref().is_some_and(|theirs| theirs.blocks) => checked,
            (theirs, checked) => {
                // There is no object yet.
                if let Err(error) = app.store.release_assets(*conversation, set).await {
                    app.store.record_degradation(&error);
                }
                theirs.map_err(PrivateError::NotPromoted)?;
                return Err(checked.map_or_else(PrivateError::NotPromoted, |_| PrivateError::Blocked));
            }
        };
        let promoted = app.attachments.promote(&checked, *conversation, set).await;
        if promoted.is_err() {
            self.discard(set).await;
        }
        promoted.map_err(PrivateError::NotPromoted)
    }

    async fn write(&mut self, recipient: UserId, media: Vec<Media>) -> Result<SentPrivately, StoreError> {
        let urls = self.app.attachments.urls(&media, self.conversation).await?;
        let draft = PrivateDraft {
            conversation: self.conversation,
            sender: self.caller.user(),
            recipient,
            kind: self.send.kind,
            content: self.send.content.clone(),
            media,
        };
        let now = self.guards.now;
        let answer = |message: &PrivateMessage| processed(&PrivateMessageBody::of(message, &urls, None), now);
        self.app.store.send_private_message(&draft, self.own.as_ref(), answer, &mut self.guards).await
    }

    fn answer<'m>(
        self,
        sent: SentPrivately,
        meters: impl Iterator<Item = &'m Meter<'m>>,
    ) -> Result<Reply, PrivateError> {
        let Guards { answer, now, .. } = self.guards;
        match sent {
            SentPrivately::Done => Ok(Reply::created(answer).with_status(StatusCode::OK).metered(meters, now)),
            SentPrivately::Stopped(stopped) => {
                Ok(Reply::stopped(stopped)?.with_status(StatusCode::OK).metered(meters, now))
            }
            SentPrivately::Blocked => Err(PrivateError::Blocked),
            SentPrivately::NoRecipient => Err(PrivateError::UnknownUser),
        }
    }

    /// Removes the objects of a message that is not to be. Where this fails, the worker does it later.
    async fn discard(&self, set: AssetSet) {
        if let Err(error) = self.app.attachments.remove(self.conversation, set).await {
            self.app.store.record_degradation(&error);
        }
    }

    /// Removes uploads that are a message's now. Where this fails, they end after a day.
    async fn tidy(&self, uploads: &[Upload]) {
        if let Err(error) = self.app.attachments.remove_uploads(uploads).await {
            self.app.store.record_degradation(&error);
        }
    }
}

/// What the first request with the same key was answered.
fn first_answer(repeat: Repeat) -> Result<Reply, Problem> {
    Ok(Reply::repeated(repeat)?.with_status(StatusCode::OK))
}
