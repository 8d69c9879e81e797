//! Bodies that are another one with more fields. `flatten` is none of it: what is composed that way can't be closed field by field.

use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

/// The body with the fields of both, as closed as the first one is.
macro_rules! joined {
    ($(#[doc = $doc:literal])+ $name:ident = $first:ty, $more:ty) => {
        $(#[doc = $doc])+
        struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::joined::fields_of_both::<$first, $more>([$($doc),+].map(str::trim).join(" "))
            }
        }

        impl utoipa::ToSchema for $name {
            fn schemas(all: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                <$first as utoipa::ToSchema>::schemas(all);
                <$more as utoipa::ToSchema>::schemas(all);
            }
        }
    };
}
pub(crate) use joined;

pub fn fields_of_both<First: ToSchema, More: ToSchema>(description: String) -> RefOr<Schema> {
    let (RefOr::T(Schema::Object(mut both)), RefOr::T(Schema::Object(more))) = (First::schema(), More::schema()) else {
        panic!("{} or {} is no object", First::name(), More::name());
    };
    both.properties.extend(more.properties);
    both.required.extend(more.required);
    both.description = Some(description);
    Schema::Object(both).into()
}
