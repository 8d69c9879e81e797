//! `GET /openapi.json`: the OpenAPI 3.1 document of everything that there is.

shared::document!(include_str!("../../openapi.json"));
