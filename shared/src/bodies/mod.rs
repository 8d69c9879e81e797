//! JSON bodies: what functions parse and what they answer, family by family. The API document is derived from these very types, so
//! a field stands here and nowhere else. The document calls a type by its name without `Body`.

mod accounts;
mod communities;
mod inbox;
mod links;
mod notifications;
mod private;

pub use accounts::*;
pub use communities::*;
pub use inbox::*;
pub use links::*;
pub use notifications::*;
pub use private::*;

/// A type with one value, which is written as `$value`: the document can say so.
macro_rules! constant {
    ($(#[doc = $doc:literal])* $name:ident: $kind:ident = $value:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy)]
        pub struct $name;

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&$value, serializer)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let only = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::$kind);
                only.enum_values(Some([serde_json::json!($value)])).build().into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}
use constant;

constant!(True: Boolean = true);
constant!(False: Boolean = false);
