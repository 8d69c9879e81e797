//! Private messages.

use shared::{
    bodies::*,
    bucket::attachments::NotPromoted,
    http::PrivateError,
    store::StoreError,
    types::{ConversationId, MediaKind, MessageKind, PrivateMessageId, UserId},
};

use crate::{
    operation::{Documented, Operation},
    shape::Shape,
};

type Error = PrivateError;

impl Documented for PrivateError {
    fn shape(_: u16) -> Shape {
        Shape::answer::<PrivateFailure>()
    }
}

/// For one of the two users of a conversation.
fn within(function: &'static str) -> Operation<Error> {
    let refusals = [Error::BadId("conversationId"), Error::NotAMember];
    Operation::of(function).trusted().path::<ConversationId>("conversationId").fails(refusals)
}

fn mark(function: &'static str) -> Operation<Error> {
    within(function).takes::<Upto>().gives::<Processed<MarkedUptoBody>>(200).fails([Error::MessageNotFound])
}

fn send(operation: Operation<Error>) -> Operation<Error> {
    operation.takes::<NewPrivateMessage>().idempotent().gives::<Processed<PrivateMessageBody>>(200).fails([
        Error::UnknownUser,
        Error::Blocked,
        Error::ForeignMedia,
        Error::MixedMedia(MessageKind::Image),
        Error::NotPromoted(NotPromoted::Failed(StoreError::MoreToDo)),
    ])
}

pub fn operations() -> [Operation<Error>; 11] {
    [
        send(Operation::of("send-to-user").trusted().path::<UserId>("id"))
            .fails([Error::BadId("userId"), Error::ToSelf]),
        send(Operation::of("send-to-conversation").trusted().path::<ConversationId>("id"))
            .fails([Error::BadId("conversationId"), Error::NotAMember]),
        Operation::of("create-upload")
            .trusted()
            .takes::<NewUpload>()
            .idempotent()
            .gives::<Processed<UploadBody>>(201)
            .fails([Error::UnfitUpload(MediaKind::Image), Error::WrongUploadSize(MediaKind::Image)]),
        Operation::of("list-conversations").trusted().paged().gives::<Processed<ConversationsBody>>(200),
        within("list-private-messages").paged().gives::<Processed<PrivateMessagesBody>>(200),
        mark("mark-delivered"),
        mark("mark-seen"),
        within("delete-private-message")
            .path::<PrivateMessageId>("messageId")
            .gives::<Processed<PrivateMessageBody>>(200)
            .fails([Error::BadId("messageId"), Error::NotTheSender, Error::MessageNotFound]),
        Operation::of("block-user").trusted().path::<UserId>("userId").gives::<Processed<BlockBody>>(200).fails([
            Error::BadId("userId"),
            Error::ToSelf,
            Error::UserNotFound,
        ]),
        Operation::of("unblock-user")
            .trusted()
            .path::<UserId>("userId")
            .gives::<Processed<BlockBody>>(200)
            .fails([Error::BadId("userId")]),
        Operation::of("list-blocked-users").trusted().paged().gives::<Processed<BlockedUsersBody>>(200),
    ]
}
