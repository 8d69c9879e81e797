//! Numbers with bounds, as the types have them that parse them.

use serde_json::json;
use shared::types;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

macro_rules! number {
    ($(#[doc = $doc:literal])+ $name:ident($example:literal, $least:literal.. $(=$most:expr)?)) => {
        $(#[doc = $doc])+
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some($least));
                $(let number = number.maximum(Some($most as f64));)?
                let description = [$($doc),+].map(str::trim).join(" ");
                number.description(Some(description)).examples([json!($example)]).build().into()
            }
        }

        impl ToSchema for $name {}
    };
}

number!(
    /// How many entries are wanted.
    PageSize(20, 1.. =types::PageSize::MAX.get())
);
number!(
    /// Which page is wanted. Behind the last one they are empty.
    PageNumber(1, 1..)
);
number!(
    /// How many messages a link takes at most.
    MaxMessages(100, 1.. =types::MaxMessages::MOST)
);
number!(
    /// How many there are.
    Count(1, 0..)
);
number!(
    /// A size in bytes.
    Bytes(48213, 1.. =types::MediaKind::Video.most_bytes())
);
number!(
    /// A size in pixels, as shown.
    Pixels(640, 1..)
);
