//! Communities.

use shared::{
    bodies::*,
    http::{CommunitiesError, Problem, Undelivered},
    types::{CommunityId, CommunityMessageId, CommunityText as Text, Parse, UserId},
};

use crate::{
    operation::{Documented, Operation},
    shape::Shape,
};

type Error = CommunitiesError;

impl Documented for CommunitiesError {
    fn shape(_: u16) -> Shape {
        Shape::answer::<CommunitiesFailure>()
    }
}

impl Documented for Undelivered {
    fn shape(status: u16) -> Shape {
        if matches!(status, 403 | 422) { Shape::answer::<NotDelivered>() } else { CommunitiesError::shape(status) }
    }
}

fn within<E: Documented + From<Error>>(function: &'static str) -> Operation<E> {
    Operation::of(function).session().path::<CommunityId>("community_id").fails([Error::CommunityNotFound])
}

fn block(function: &'static str) -> Operation<Error> {
    within(function)
        .path::<UserId>("user_id")
        .gives::<MemberBlockBody>(200)
        .fails([Error::NotTheCreator, Error::MemberNotFound])
}

pub fn send() -> Operation<Undelivered> {
    let too_long = Text::parse(&"x".repeat(Text::LENGTH.end() + 1)).expect_err("too long");
    within("send-community-message")
        .takes::<NewCommunityMessage>()
        .idempotent()
        .gives::<CommunityMessageBody>(201)
        .fails([Error::unprocessable(Text::BLANK), Error::unprocessable(too_long.0), Error::Unreachable])
}

pub fn operations() -> [Operation<Error>; 11] {
    [
        Operation::of("create-community").session().takes::<NewCommunity>().idempotent().gives::<CommunityBody>(201),
        within("get-community").gives::<CommunityBody>(200),
        within("update-community")
            .takes::<CommunityChange>()
            .gives::<CommunityBody>(200)
            .fails([Error::NotTheCreator, Error::NothingToChange]),
        within("join-community").idempotent().gives::<MembershipBody>(201).fails([Error::Blocked, Error::IsCreator]),
        within("leave-community").gives::<Said<CommunityLeft>>(200).fails([Error::IsCreator]),
        within("list-members")
            .paged_or(Error::Problem(Problem::bad_cursor()))
            .gives::<MembersBody>(200)
            .fails([Error::NotTheCreator]),
        block("block-member"),
        block("unblock-member"),
        within("list-community-conversations")
            .numbered()
            .gives::<NumberedPage<CommunityConversationBody>>(200)
            .fails([Error::NotAMember]),
        within("list-community-messages")
            .path::<UserId>("id")
            .numbered()
            .gives::<NumberedPage<CommunityMessageBody>>(200)
            .fails([Error::NotInConversation]),
        within("delete-community-message")
            .path::<CommunityMessageId>("id")
            .gives::<Said<CommunityMessageDeleted>>(200)
            .fails([Error::NotTheLast, Error::NotTheSender, Error::MessageNotFound]),
    ]
}
