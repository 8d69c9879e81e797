//! The family "Private messages": its errors with their documented answers, and how it shows messages.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::{FamilyError, Problem, Reply};
use crate::{
    bucket::attachments::NotPromoted,
    limits::Denied,
    store::{Participant, PrivateMessage, StoreError},
    types::{AssetId, ConversationId, FileName, MediaKind, MessageKind, PrivateMessageId, Timestamp, UserId},
};

pub enum PrivateError {
    /// An error that any request can have.
    Problem(Problem),
    /// The parameter of the route with that name is no id.
    BadId(&'static str),
    /// Either has blocked the other.
    Blocked,
    /// Media that is not the sender's own upload.
    ForeignMedia,
    MessageNotFound,
    /// Media of another kind than the message.
    MixedMedia(MessageKind),
    NotAMember,
    NotActive,
    NotAuthenticated,
    /// Media that can't be made the message's.
    NotPromoted(NotPromoted),
    NotTheSender,
    NotTrusted,
    ToSelf,
    UnknownUser,
    UnfitUpload(MediaKind),
    UserNotFound,
    WrongUploadSize(MediaKind),
}

impl PrivateError {
    fn into_problem(self) -> Problem {
        use StatusCode as S;
        let (status, message) = match self {
            Self::Problem(problem) => return problem,
            Self::BadId(name) => return Problem::bad_request(format!("{name} must be an id of 24 hex digits")),
            Self::MixedMedia(kind) => {
                return Problem::bad_request(format!(
                    "A message of type {0} carries media of type {0} only",
                    kind.as_str()
                ));
            }
            Self::NotPromoted(why) => {
                let problem = Problem::new(S::INTERNAL_SERVER_ERROR, "Media promotion failed");
                // The contract's status for whatever is wrong with an upload. That is no failure of ours.
                let cause = match why {
                    NotPromoted::Unfit(_) => None,
                    NotPromoted::Failed(error) => Some(error.to_string()),
                };
                return Problem { cause, ..problem };
            }
            Self::UnfitUpload(kind) => {
                let types = kind.content_types().unwrap_or_default().join(", ");
                return Problem::bad_request(format!("contentType must be one of {types} for type {}", kind.as_str()));
            }
            Self::WrongUploadSize(kind) => {
                let (most, kind) = (kind.most_bytes(), kind.as_str());
                return Problem::bad_request(format!("bytes must be a whole number from 1 to {most} for type {kind}"));
            }
            Self::Blocked => {
                (S::BAD_REQUEST, "You can't exchange messages with this user: one of you has blocked the other")
            }
            Self::ForeignMedia => {
                (S::BAD_REQUEST, "media must name your own uploads, by the publicId that each was given")
            }
            Self::ToSelf => (S::BAD_REQUEST, "You can't do this with yourself: name another user"),
            Self::UnknownUser => (S::BAD_REQUEST, "There is no user with this id"),
            Self::NotAuthenticated => (S::UNAUTHORIZED, "Not authenticated. Sign in first"),
            Self::NotActive => {
                (S::UNAUTHORIZED, "This account is suspended or inactive. Write to those who run this service")
            }
            Self::NotTrusted => {
                (S::UNAUTHORIZED, "This device is not trusted. Verify it with the code that was mailed")
            }
            Self::NotAMember => (S::FORBIDDEN, "You are not in this conversation"),
            Self::NotTheSender => (S::FORBIDDEN, "Only the sender can delete a message"),
            Self::MessageNotFound => (S::NOT_FOUND, "Message not found"),
            Self::UserNotFound => (S::NOT_FOUND, "User not found"),
        };
        Problem::new(status, message)
    }
}

impl From<Problem> for PrivateError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for PrivateError {
    fn from(error: StoreError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Denied> for PrivateError {
    fn from(denied: Denied) -> Self {
        Self::Problem(denied.into())
    }
}

impl FamilyError for PrivateError {
    fn reply(self) -> (Reply, Option<String>) {
        let details = match &self {
            Self::NotPromoted(NotPromoted::Unfit(uploads)) => Some(json!(uploads)),
            _ => None,
        };
        let problem = self.into_problem();
        let mut body = json!({ "success": false, "message": problem.message, "timestamp": Timestamp::now() });
        if let Some(details) = details {
            body["details"] = details;
        }
        (Reply::json(problem.status, &body).limited(problem.limited), problem.cause)
    }
}

/// `data` in the family's envelope, as text.
pub fn processed(data: &impl Serialize, now: Timestamp) -> String {
    json!({ "success": true, "message": "request processed successfully", "data": data, "timestamp": now }).to_string()
}

impl Reply {
    /// `data` in the family's envelope.
    pub fn processed(data: &impl Serialize, now: Timestamp) -> Self {
        Self::created(processed(data, now)).with_status(StatusCode::OK)
    }
}

/// A message as both of its users see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateMessageBody<'a> {
    conversation_id: ConversationId,
    sender_id: UserId,
    #[serde(rename = "type")]
    kind: MessageKind,
    content: &'a str,
    media: Vec<MediaBody<'a>>,
    delivered_to: Vec<UserId>,
    seen_by: Vec<UserId>,
    is_deleted: bool,
    #[serde(rename = "_id")]
    id: PrivateMessageId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MediaBody<'a> {
    /// Good for an hour.
    url: String,
    public_id: String,
    asset_id: AssetId,
    #[serde(rename = "type")]
    kind: MediaKind,
    height: Option<u32>,
    width: Option<u32>,
    bytes: u64,
    /// As the sender gave it, if it has one.
    name: Option<&'a FileName>,
}

impl<'a> PrivateMessageBody<'a> {
    /// `urls`: one for each of its media. `reader`: whoever of the two did not send it, and that user's side, if there is one.
    pub fn of(message: &'a PrivateMessage, urls: &[String], reader: Option<(UserId, &Participant)>) -> Self {
        let media = message.media.iter().zip(urls).map(|(media, url)| MediaBody {
            url: url.clone(),
            public_id: media.asset.public_id(message.conversation),
            asset_id: media.asset,
            kind: media.kind,
            height: media.height,
            width: media.width,
            bytes: media.bytes,
            name: media.name.as_ref(),
        });
        let marked = |is_marked: fn(&Participant, PrivateMessageId) -> bool| {
            reader
                .filter(|(_, participant)| is_marked(participant, message.id))
                .map(|(user, _)| user)
                .into_iter()
                .collect()
        };
        Self {
            conversation_id: message.conversation,
            sender_id: message.sender,
            kind: message.kind,
            content: &message.content,
            media: media.collect(),
            delivered_to: marked(Participant::was_delivered),
            seen_by: marked(Participant::has_seen),
            is_deleted: message.is_deleted,
            id: message.id,
            created_at: message.id.made_at(),
            updated_at: message.updated_at,
        }
    }
}
