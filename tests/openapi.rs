//! openapi.json as a document. support/documented.rs checks all answers of the tests against it.

use std::{collections::BTreeSet, io::Read};

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::{Client, DOCUMENT, line_of, stack_or_skip, template};

#[test]
fn the_documents_routes_are_those_of_the_template() {
    let paths = DOCUMENT["paths"].as_object().expect("paths").iter();
    let documented: BTreeSet<String> = paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys();
            methods.map(move |method| format!("{} {path}", method.to_ascii_uppercase()))
        })
        .collect();
    let mut declared = BTreeSet::new();
    for function in template::functions() {
        let place = format!("openapi/src/{}.rs", function.family());
        for route in &function.routes {
            let way = format!("describe {} in {place}, then `cargo run -p openapi`", function.name);
            assert!(documented.contains(route), "openapi.json lacks {route}: {way}");
        }
        declared.extend(function.routes);
    }
    let extra: Vec<_> = documented.difference(&declared).collect();
    assert!(extra.is_empty(), "openapi.json has {extra:?}, which template.yaml does not declare");
}

#[test]
fn an_operation_is_called_what_its_function_is() {
    for function in template::functions() {
        for route in &function.routes {
            let (method, path) = route.split_once(' ').expect("a route");
            let method = method.to_ascii_lowercase();
            let id = DOCUMENT["paths"][path][&method]["operationId"].as_str().expect("an id");
            let expected = match function.routes.len() {
                1 => function.name.clone(),
                _ => format!("{}-{method}", function.name),
            };
            assert_eq!(id, expected, "{route}");
        }
    }
}

/// Objects that allow any field would hide undocumented fields.
#[test]
fn every_object_of_an_answer_has_only_documented_fields() {
    let operations = DOCUMENT["paths"].as_object().expect("paths").values().filter_map(Value::as_object);
    let operations = operations.flat_map(|methods| methods.values()).filter(|o| o["operationId"] != "get-openapi");
    let responses = operations.flat_map(|operation| operation["responses"].as_object().expect("responses").values());
    let mut seen = BTreeSet::new();
    for response in responses.chain(DOCUMENT["components"]["responses"].as_object().expect("responses").values()) {
        assert_closed(&response["content"]["application/json"]["schema"], &mut seen);
    }
    assert!(seen.len() > 20, "{seen:?}");
}

fn assert_closed(schema: &Value, seen: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        if seen.insert(reference.to_owned()) {
            assert_closed(DOCUMENT.pointer(reference.trim_start_matches('#')).expect("a schema"), seen);
        }
        return;
    }
    assert!(schema["type"] != "object" || schema["additionalProperties"] == false, "open: {schema}");
    let fields = schema["properties"].as_object().into_iter().flat_map(|fields| fields.values());
    let parts = schema["oneOf"].as_array().into_iter().flatten().chain(schema.get("items"));
    fields.chain(parts).for_each(|part| assert_closed(part, seen));
}

#[tokio::test]
async fn it_is_served_to_anyone_and_asks_nothing_of_the_stores() {
    let answer = Client::new().get("/openapi.json").raw().await;
    assert_eq!(answer.ok(200), *DOCUMENT);
    for (name, value) in [
        ("cache-control", "public, max-age=300"),
        ("content-type", "application/json"),
        ("vary", "accept-encoding"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let Some(stack) = stack_or_skip("has a log") else { return };
    let (function, line) = line_of(stack, &answer).await;
    assert_eq!((function.as_str(), &line["route"]), ("get-openapi", &Value::from("GET /openapi.json")));
    assert_eq!((&line["round_trips"], &line["actions"]), (&Value::from(0), &serde_json::json!([])));
}

#[tokio::test]
async fn it_is_compressed_for_whoever_takes_it_so() {
    let get = |accepted: &str| Client::new().get("/openapi.json").header("accept-encoding", accepted).raw();
    let plain = get("identity").await;
    assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
    for accepted in ["gzip", "gzip, deflate, br", "br;q=1, gzip;q=0.5", "*"] {
        let answer = get(accepted).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("gzip")), "{accepted}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let mut unpacked = Vec::new();
        GzDecoder::new(&answer.body[..]).read_to_end(&mut unpacked).expect("gzip");
        assert!(unpacked == plain.body && answer.body.len() * 8 < plain.body.len(), "{}", answer.body.len());
        assert_ne!(answer.header("etag"), plain.header("etag"));
    }
    for accepted in ["", "br", "gzip;q=0", "*;q=0", "identity, gzip;q=0.1"] {
        let answer = get(accepted).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, None), "{accepted}");
        assert!(answer.body == plain.body);
    }
}

#[tokio::test]
async fn whoever_has_it_does_not_get_it_again() {
    let get = |accepted: &str| Client::new().get("/openapi.json").header("accept-encoding", accepted);
    for accepted in ["identity", "gzip"] {
        let first = get(accepted).raw().await;
        let tag = first.header("etag").expect("an ETag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "{tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let again = get(accepted).header("if-none-match", &known).raw().await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
            for name in ["etag", "cache-control", "vary"] {
                assert_eq!(again.header(name), first.header(name), "{name}");
            }
            assert_eq!(again.header("content-encoding"), None);
        }
        for other in ["\"x\"", "", &tag[1..tag.len() - 1]] {
            let again = get(accepted).header("if-none-match", other).raw().await;
            assert_eq!((again.status, again.body.len()), (200, first.body.len()), "{other}");
        }
    }
}
