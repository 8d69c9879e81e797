//! Anonymous links.

use serde_json::json;
use shared::{
    bodies::*,
    http::{LinksError, Problem},
    types::{LinkMessageId, Parse, Slug, Timestamp, schema::ShareToken},
};

use crate::{
    operation::{Documented, Operation},
    shape::Shape,
};

type Error = LinksError;

impl Documented for LinksError {
    fn shape(_: u16) -> Shape {
        Shape::answer::<LinksFailure>()
    }
}

fn own(function: &'static str) -> Operation<Error> {
    let refusals = [Error::AdminTokenRequired, Error::WrongAdminToken, Error::LinkNotFound];
    Operation::of(function).path::<Slug>("slug").admin(refusals)
}

pub fn operations() -> [Operation<Error>; 9] {
    [
        Operation::of("create-link")
            .perhaps_session()
            .refuses_others()
            .takes::<NewLink>()
            .idempotent()
            .gives::<CreatedLinkBody>(201)
            .fails([Error::ExpiresInThePast, Error::ExpiresBeforeStart, Error::SlugTaken]),
        Operation::of("get-link").path::<Slug>("slug").gives::<FoundLinkBody>(200).fails([Error::LinkNotFound]),
        own("update-link").takes::<LinkChange>().gives::<FoundLinkBody>(200).fails([
            Error::NothingToChange,
            Error::ExpiresInThePast,
            Error::ExpiresBeforeStart,
        ]),
        own("delete-link").gives::<LinkDone>(200).fails([Error::StillDeleting]),
        Operation::of("send-link-message")
            .path::<Slug>("slug")
            .takes::<NewLinkMessage>()
            .idempotent()
            .gives::<LinkDone>(201)
            .fails([
                Error::PinRequired,
                Error::WrongPin,
                Error::Paused,
                Error::NotStarted(example_moment()),
                Error::LinkNotFound,
                Error::Full,
                Error::Expired,
            ]),
        own("list-link-messages").paged().gives::<LinkMessagesBody>(200),
        own("delete-link-message").path::<LinkMessageId>("id").gives::<LinkDone>(200).fails([Error::MessageNotFound]),
        Operation::of("get-shared-message")
            .path::<ShareToken>("id")
            .gives::<FoundMessageBody>(200)
            .fails([Error::MessageNotFound]),
        upload_card(),
    ]
}

fn upload_card() -> Operation<Error> {
    let form = json!({
        "type": "object",
        "required": ["file", "shareToken"],
        "properties": {
            "file": {
                "type": "string",
                "contentMediaType": "image/png",
                "contentEncoding": "binary",
                "description": "A PNG of up to 4 MiB and 4096 pixels a side.",
            },
            "shareToken": Shape::of::<ShareToken>().schema,
        },
    });
    Operation::of("upload-card")
        .takes_other("multipart/form-data", form, true)
        .idempotent()
        .perhaps_admin(Error::WrongAdminToken)
        .gives::<CardBody>(201)
        .fails([
            Problem::bad_request("file is required"),
            Problem::too_large("The card must not be larger than 4 MiB"),
            Problem::no_form(),
            Problem::no_boundary(),
            Problem::bare_boundary(),
        ])
        .fails([Error::CardTooLarge, Error::CardUnreadable, Error::MessageNotFound, Error::CardExists])
}

fn example_moment() -> Timestamp {
    Timestamp::parse("2026-02-06T12:37:51.523Z").expect("a time")
}
