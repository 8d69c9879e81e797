//! Sends a private message, to a user or to a conversation.

use std::cell::RefCell;

use futures_util::join;

use crate::{
    app::App,
    auth::{TrustedCaller, UnverifiedSession, confirm_and_read},
    bodies::{NewPrivateMessage, PrivateMessageBody},
    bucket::attachments::NotPromoted,
    creation::{Begun, Creation, NewRequest},
    http::{PrivateError, Problem, Reply, Request, processed},
    store::{Media, Participant, PrivateDraft, PrivateMessage, PrivateRefused, StoreError, Written},
    tokens::random,
    types::{AssetSet, ConversationId, PublicIds, Upload, UserId},
};

/// Where a message goes.
#[derive(Clone, Copy)]
pub enum Recipient {
    /// The first message begins the conversation with this user.
    User(UserId),
    /// To the partner in a conversation that there is.
    Conversation(ConversationId),
}

/// A message that its sender may send, as far as that can be known before it is written.
pub struct Outgoing<'a> {
    app: &'a App,
    caller: TrustedCaller,
    send: NewPrivateMessage,
    to: Recipient,
    conversation: ConversationId,
    own: Option<Participant>,
    /// The recipient has an account, or was not named.
    is_to_somebody: bool,
    new: NewRequest,
    /// The answer to the last write that was tried.
    answer: String,
}

impl<'a> Outgoing<'a> {
    /// Confirms the sender and begins the request in one round trip. `to`: only a trusted caller learns what is wrong with it.
    pub async fn open(
        app: &'a App,
        request: &Request,
        creation: Creation,
        to: Result<Recipient, PrivateError>,
    ) -> Result<Begun<Box<Self>>, PrivateError> {
        let session = UnverifiedSession::by(app, request)?;
        let user = session.user();
        let asked = to.and_then(|to| {
            let conversation = match to {
                Recipient::User(recipient) => app.tokens.conversation_of(user, recipient),
                Recipient::Conversation(conversation) => conversation,
            };
            Ok((to, conversation, request.json::<NewPrivateMessage>()?))
        });
        let reads = async |(to, conversation, _): &(Recipient, ConversationId, NewPrivateMessage)| {
            let (scope, sender) = (format!("{user} {conversation}"), user.to_string());
            let targets = [sender.as_str()];
            let is_to_somebody = async {
                match to {
                    Recipient::User(recipient) => app.store.has_account(*recipient).await,
                    Recipient::Conversation(_) => Ok(true),
                }
            };
            let (begun, own, is_to_somebody) = join!(
                NewRequest::begin(app, request, creation, &scope, &targets),
                app.store.participant(user, *conversation),
                is_to_somebody,
            );
            Ok::<_, Problem>((begun?, own?, is_to_somebody?))
        };
        let (caller, (to, conversation, send), (begun, own, is_to_somebody)) =
            confirm_and_read(session.confirm_trusted(app), asked, reads).await?;
        let new = match begun {
            Begun::New(new) => new,
            Begun::Replay(reply) => return Ok(Begun::Replay(reply)),
        };
        let answer = String::new();
        Ok(Begun::New(Box::new(Self { app, caller, send, to, conversation, own, is_to_somebody, new, answer })))
    }

    /// Sends it with its media, or leaves nothing of either.
    pub async fn send(mut self) -> Result<Reply, PrivateError> {
        let recipient = self.recipient()?;
        let uploads = self.uploads()?;
        let uploads: Vec<(&str, Option<Upload>)> =
            uploads.iter().map(|(name, upload)| (name.as_str(), *upload)).collect();
        if !self.is_to_somebody {
            return Err(PrivateError::UnknownUser);
        }
        if self.own.as_ref().is_some_and(|own| own.blocks) {
            return Err(PrivateError::Blocked);
        }
        let written = match uploads.is_empty() {
            true => self.write(recipient, Vec::new()).await,
            false => match self.send_with(recipient, &uploads).await {
                Ok(written) => Ok(written),
                // The first request with this key may have taken the uploads.
                Err(error) => return self.new.replay(self.app).await?.ok_or(error),
            },
        };
        self.new.finish(self.app, written, refusal).await
    }

    fn recipient(&self) -> Result<UserId, PrivateError> {
        match self.to {
            Recipient::User(user) if user == self.caller.user() => Err(PrivateError::ToSelf),
            Recipient::User(user) => Ok(user),
            Recipient::Conversation(_) => {
                let own = self.own.as_ref().filter(|own| own.has_begun());
                own.map(|own| own.partner).ok_or(PrivateError::NotAMember)
            }
        }
    }

    /// Makes the uploads the message's, and writes it.
    async fn send_with(
        &mut self,
        recipient: UserId,
        uploads: &[(&str, Option<Upload>)],
    ) -> Result<Written<PrivateRefused>, PrivateError> {
        let set = AssetSet::from_bytes(random());
        let media = self.promote(recipient, uploads, set).await?;
        let written = match self.write(recipient, media).await {
            Ok(written) => written,
            // Whether it is written is unknown. Once its objects are given up, it never will be.
            Err(error) if self.app.store.abandon_assets(self.conversation, set).await? => {
                self.discard(set).await;
                return Err(error.into());
            }
            Err(error) => {
                self.app.store.record_degradation(&error);
                Written::Done(std::mem::take(&mut self.answer))
            }
        };
        match &written {
            Written::Done(_) => self.tidy(uploads).await,
            _ => self.discard(set).await,
        }
        Ok(written)
    }

    /// The sender's own uploads that the message names, each with its name; `None` for one that never was.
    fn uploads(&self) -> Result<Vec<(String, Option<Upload>)>, PrivateError> {
        let names = self.send.media.iter().flat_map(PublicIds::iter);
        let upload = |name: &str| match Upload::named(name, self.caller.user()) {
            Ok(Some(upload)) if !self.send.kind.may_carry(upload.kind) => Err(PrivateError::MixedMedia(self.send.kind)),
            Ok(upload) => Ok((name.to_owned(), upload)),
            Err(_) => Err(PrivateError::ForeignMedia),
        };
        names.map(upload).collect()
    }

    /// Makes the uploads the message's. Where one can't be, nothing is left of the others.
    async fn promote(
        &self,
        recipient: UserId,
        uploads: &[(&str, Option<Upload>)],
        set: AssetSet,
    ) -> Result<Vec<Media>, PrivateError> {
        let Self { app, conversation, .. } = self;
        let (checked, announced, theirs) = join!(
            app.attachments.check(uploads),
            app.store.reserve_assets(*conversation, set, self.new.context.now),
            app.store.participant(recipient, *conversation),
        );
        let failed = |error| PrivateError::NotPromoted(NotPromoted::Failed(error));
        announced.map_err(failed)?;
        let checked = match (theirs, checked) {
            (Ok(theirs), Ok(checked)) if !theirs.as_ref().is_some_and(|theirs| theirs.blocks) => checked,
            (theirs, checked) => {
                // There is no object yet.
                if let Err(error) = app.store.release_assets(*conversation, set).await {
                    app.store.record_degradation(&error);
                }
                theirs.map_err(failed)?;
                return Err(checked.map_or_else(PrivateError::NotPromoted, |_| PrivateError::Blocked));
            }
        };
        let promoted = app.attachments.promote(&checked, *conversation, set).await;
        if promoted.is_err() {
            self.discard(set).await;
        }
        promoted.map_err(PrivateError::NotPromoted)
    }

    async fn write(&mut self, recipient: UserId, media: Vec<Media>) -> Result<Written<PrivateRefused>, StoreError> {
        let urls = self.app.attachments.urls(&media, self.conversation).await?;
        let draft = PrivateDraft {
            conversation: self.conversation,
            sender: self.caller.user(),
            recipient,
            kind: self.send.kind,
            content: self.send.content.clone(),
            media,
        };
        let (now, last) = (self.new.context.now, RefCell::new(String::new()));
        let answer = |message: &PrivateMessage| {
            let body = processed(&PrivateMessageBody::of(message, &urls, None), now);
            last.replace(body.clone());
            body
        };
        let context = &mut self.new.context;
        let written = self.app.store.send_private_message(&draft, self.own.as_ref(), answer, context).await;
        self.answer = last.into_inner();
        written
    }

    /// Removes the objects of a message that is not to be. Where this fails, the worker does it later.
    async fn discard(&self, set: AssetSet) {
        if let Err(error) = self.app.attachments.remove(self.conversation, set).await {
            self.app.store.record_degradation(&error);
        }
    }

    /// Removes uploads that are a message's now. Where this fails, they end after a day.
    async fn tidy(&self, uploads: &[(&str, Option<Upload>)]) {
        let uploads: Vec<Upload> = uploads.iter().filter_map(|(_, upload)| *upload).collect();
        if let Err(error) = self.app.attachments.remove_uploads(&uploads).await {
            self.app.store.record_degradation(&error);
        }
    }
}

fn refusal(refused: PrivateRefused) -> PrivateError {
    match refused {
        PrivateRefused::Blocked => PrivateError::Blocked,
        PrivateRefused::NoRecipient => PrivateError::UnknownUser,
    }
}
