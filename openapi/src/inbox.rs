//! Anonymous inbox.

use shared::{
    bodies::*,
    http::{AccountsError, Problem},
    types::{InboxMessageId, InboxText, Parse},
};

use crate::operation::Operation;

type Error = AccountsError;

pub fn operations() -> [Operation<Error>; 7] {
    let no_id = InboxMessageId::parse("x").expect_err("no id");
    [
        Operation::of("send-inbox-message")
            .takes::<NewInboxMessage>()
            .idempotent()
            .gives::<Done<MessageSent>>(201)
            .fails([Error::NotAccepting, Error::UserNotFound])
            .fails(["too short", &"long ".repeat(100)].map(broken_rule)),
        Operation::of("list-inbox-messages").session().paged().gives::<InboxBody>(200),
        Operation::of("delete-inbox-message")
            .session()
            .required_query::<InboxMessageId>("messageId")
            .gives::<DoneWith<MessageDeleted, UserWithMessagesBody>>(201)
            .fails([Problem::bad_request(format!("messageId {no_id}"))])
            .fails([Error::MessageIdMissing, Error::UserNotFound]),
        Operation::of("get-acceptance").session().gives::<AcceptanceBody>(200),
        Operation::of("set-acceptance")
            .session()
            .takes::<NewAcceptance>()
            .gives::<Done<AcceptanceSet>>(200)
            .fails([Error::UserNotFound]),
        Operation::of("report-inbox-message")
            .session()
            .path::<InboxMessageId>("id")
            .gives::<Done<MessageReported>>(200)
            .fails([Error::MessageNotFound]),
        Operation::of("block-inbox-sender")
            .session()
            .path::<InboxMessageId>("id")
            .gives::<BlockedSenderBody>(200)
            .fails([Error::MessageNotFound, Error::SenderForgotten]),
    ]
}

fn broken_rule(content: &str) -> Problem {
    Problem::bad_request(format!("content {}", InboxText::parse(content).expect_err("a rule is broken")))
}
