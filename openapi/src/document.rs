//! The whole document.

use serde_json::{Map, Value, json};
use shared::auth::{COOKIE, SECURE_COOKIE};

use crate::{
    accounts, communities,
    function::FAMILIES,
    inbox, links, next, notifications,
    operation::{Documented, Operation, WAIT, gateway_failure},
    private,
    repeated::taken_out,
};

const ABOUT: &str = "Messaging that a team owns: anonymous inboxes, anonymous links, private messages and communities. Bodies are \
JSON in UTF-8 of up to 64 KiB unless said otherwise. Limits are exact in any sliding window. What the gateway itself refuses (an \
unknown route, a path or header that is not UTF-8, a body of more than 6 MB) has its own shape, `{\"message\":\"...\"}`.";

#[derive(Default)]
struct Paths {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Paths {
    fn add<E: Documented>(&mut self, operations: impl IntoIterator<Item = Operation<E>>) {
        for operation in operations {
            let operation = operation.limited();
            for (path, method, described) in operation.described() {
                let methods = self.paths.entry(path).or_insert_with(|| json!({}));
                assert!(methods.get(&method).is_none(), "{} is described twice", operation.function.name);
                methods[method] = described;
            }
            for (name, schema) in operation.named {
                let known = self.schemas.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*known, schema, "two schemas are called {name}");
            }
        }
    }
}

/// openapi.json, as a file has it.
pub fn text() -> String {
    serde_json::to_string_pretty(&document()).expect("JSON") + "\n"
}

pub fn document() -> Value {
    let mut all = Paths::default();
    all.add([accounts::send_otp()]);
    all.add(accounts::operations());
    all.add(inbox::operations());
    all.add(links::operations());
    all.add(private::operations());
    all.add(communities::operations());
    all.add([communities::send()]);
    all.add(notifications::operations());
    let about =
        json!({ "description": "An OpenAPI document (https://spec.openapis.org/oas/v3.1.0).", "type": "object" });
    let own = Operation::<shared::http::NotificationsError>::without_store("get-openapi");
    let own = own.gives_document(200, about).gives_nothing(304, "It is still the one whose ETag If-None-Match names.");
    all.add([own.with_header("ETag").with_header("Cache-Control").with_header("Vary")]);
    all.schemas.insert("GatewayFailure".to_owned(), gateway_failure());
    all.schemas.sort_keys();
    next::link(&mut all.paths);
    let responses = taken_out(&mut all.paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sotto",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "Where this document is." }],
        "tags": FAMILIES.map(|(_, name, description)| json!({ "name": name, "description": description })),
        "paths": all.paths,
        "components": {
            "schemas": all.schemas,
            "responses": responses,
            "parameters": parameters(),
            "headers": headers(),
            "securitySchemes": security(),
        },
    })
}

fn parameters() -> Value {
    let length = shared::types::IdempotencyKey::LENGTH;
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "The same key with the same body within 24 hours gets the first answer again, and nothing is done twice. \
                            With another body it is refused.",
            "schema": { "type": "string", "minLength": length.start(), "maxLength": length.end(), "pattern": "^[!-~]+$" },
            "example": "7c0f3a52-9f0e-4a37-8a52-3f4b7f0f6f10",
        },
    })
}

fn headers() -> Value {
    let header = |description, required, example| json!({ "description": description, "required": required, "schema": { "type": "string" }, "example": example });
    let remaining = "How many requests are left, and in how many seconds there is another one \
                     (draft-ietf-httpapi-ratelimit-headers-10).";
    let cookie = format!("{SECURE_COOKIE}=eyJ0...; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure");
    let mut headers = json!({
        "X-Request-Id": header("Which request it was, to be told when asking for help.", true, "YhQmkjK5liAEMjQ="),
        "RateLimit": header(remaining, false, "\"links\";r=9;t=3600"),
        "RateLimit-Policy": header("How many requests are taken in how many seconds.", false, "\"links\";q=10;w=3600"),
        "Retry-After": header("Seconds until another request is taken.", true, ""),
        "ETag": header("Which version and form of the document it is.", true, "\"2c26b46b68ffc68ff99b453c1d304134-gzip\""),
        "Cache-Control": header("How long it may be kept.", true, "public, max-age=300"),
        "Vary": header("By which header of the request the forms differ.", true, "accept-encoding"),
        "Set-Cookie": header("The session, or its end.", false, &cookie),
    });
    headers["Retry-After"]["schema"] = json!({ "type": "integer", "minimum": 1 });
    headers["Retry-After"]["example"] = json!(WAIT);
    headers
}

fn security() -> Value {
    let cookie = |name: &str, when: &str| {
        let description = format!(
            "The same token, as the cookie that a browser is given {when}. Whatever changes something must then come from our own \
             pages or from an allowed origin."
        );
        json!({ "type": "apiKey", "in": "cookie", "name": name, "description": description })
    };
    json!({
        "session": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The token of a sign-up or sign-in, for 30 days.",
        },
        "sessionCookie": cookie(COOKIE, "over http"),
        "secureSessionCookie": cookie(SECURE_COOKIE, "over https"),
        "adminToken": {
            "type": "http", "scheme": "bearer",
            "description": "The admin token of a link: 64 hex digits, shown once.",
        },
        "adminTokenInQuery": {
            "type": "apiKey", "in": "query", "name": "token",
            "description": "The same. Both ways and different is wrong.",
        },
    })
}
