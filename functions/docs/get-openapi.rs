//! `GET /openapi.json`: the OpenAPI 3.1 document of everything that there is. It may be kept for five minutes. Whoever has it already
//! asks with `If-None-Match`.

shared::document!(include_str!("../../openapi.json"), include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz")));
