//! Anonymous inbox.

use shared::{
    http::{AccountsError, Problem},
    types::{self, Parse},
};
use utoipa::ToSchema;

use crate::{accounts::User, constants::True, joined::joined, operation::Operation, shape::Shape, types::*};

type Error = AccountsError;

#[derive(ToSchema)]
struct NewInboxMessage {
    username: UsernameTry,
    content: InboxText,
}

/// A message as its recipient sees it: nothing about who sent it.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InboxMessage {
    #[serde(rename = "_id")]
    id: InboxMessageId,
    content: InboxText,
    created_at: Timestamp,
}

/// Messages, newest first.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Inbox {
    #[schema(inline)]
    success: True,
    messages: Vec<InboxMessage>,
    #[schema(required)]
    next_cursor: Option<Cursor>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FirstPage {
    messages: Vec<InboxMessage>,
    #[schema(required)]
    next_cursor: Option<Cursor>,
}

joined!(
    /// A user with the first page of the inbox.
    UserWithMessages = User, FirstPage
);

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Acceptance {
    #[schema(inline)]
    success: True,
    is_accepting_messages: bool,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewAcceptance {
    accept_message: bool,
}

pub fn operations() -> [Operation<Error>; 7] {
    let no_id = types::InboxMessageId::parse("x").expect_err("no id");
    [
        Operation::of("send-inbox-message")
            .takes::<NewInboxMessage>()
            .idempotent()
            .gives_shape(201, Shape::said("Message sent successfully", []))
            .fails([Error::NotAccepting, Error::UserNotFound])
            .fails(["too short", &"long ".repeat(100)].map(broken_rule)),
        Operation::of("list-inbox-messages").session().paged().gives::<Inbox>(200),
        Operation::of("delete-inbox-message")
            .session()
            .required_query::<InboxMessageId>("messageId")
            .gives_shape(201, Shape::said("Message Deleted Successfully", [("data", Shape::of::<UserWithMessages>())]))
            .fails([Problem::bad_request(format!("messageId {no_id}"))])
            .fails([Error::MessageIdMissing, Error::UserNotFound]),
        Operation::of("get-acceptance").session().gives::<Acceptance>(200),
        Operation::of("set-acceptance")
            .session()
            .takes::<NewAcceptance>()
            .gives_shape(200, Shape::said("User's isAcceptingMessages status updated successfully.", []))
            .fails([Error::UserNotFound]),
        Operation::of("report-inbox-message")
            .session()
            .path::<InboxMessageId>("id")
            .gives_shape(200, Shape::said("Message reported", []))
            .fails([Error::MessageNotFound]),
        Operation::of("block-inbox-sender")
            .session()
            .path::<InboxMessageId>("id")
            .gives_shape(200, Shape::said("Sender blocked", [("blockedUntil", Shape::of::<End>())]))
            .fails([Error::MessageNotFound, Error::SenderForgotten]),
    ]
}

fn broken_rule(content: &str) -> Problem {
    let broken = types::InboxText::parse(content).expect_err("a rule is broken");
    Problem::bad_request(format!("content {broken}"))
}
