//! Fields that have one value only.

use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

macro_rules! only {
    ($(#[doc = $doc:literal])? $name:ident: $kind:ident = $value:expr) => {
        $(#[doc = $doc])?
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = [$($doc)?].first().map(|doc: &&str| doc.trim());
                let only = ObjectBuilder::new().schema_type(Type::$kind).enum_values(Some([$value]));
                only.description(description).build().into()
            }
        }

        impl ToSchema for $name {}
    };
}

only!(True: Boolean = json!(true));
only!(False: Boolean = json!(false));
only!(
    /// Always null: there are no avatars.
    NoAvatar: Null = Value::Null
);
only!(Put: String = json!("PUT"));
only!(
    /// Always empty: the inbox is new.
    NoMessages: Array = json!([])
);
