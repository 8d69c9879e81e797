//! Checks every request and answer of the tests against openapi.json.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::{Registry, Validator};
use reqwest::Request;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

use super::Answer;

pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let path = format!("{}/openapi.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("openapi.json")).expect("JSON")
});

const ADDRESS: &str = "urn:openapi";

static REGISTRY: LazyLock<Registry<'static>> = LazyLock::new(|| {
    let registry = Registry::new().add(ADDRESS, &*DOCUMENT).expect("a resource");
    registry.prepare().expect("a registry")
});

/// Made once for each schema, when it is first asked for.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Headers that an answer may have only where the document lists them.
const HEADERS: [&str; 5] = ["ratelimit", "ratelimit-policy", "retry-after", "set-cookie", "location"];

/// Statuses whose messages do not depend on the request: the document has each message as an example.
const FIXED: [u16; 7] = [401, 403, 404, 409, 410, 413, 415];

/// A request to an operation that the document has.
pub struct DocumentedRequest {
    /// `POST /api/links`
    route: String,
    /// The operation's place in the document, as a JSON pointer.
    pointer: String,
    body: Option<Value>,
}

impl DocumentedRequest {
    /// `None` if the document has no such route.
    pub fn of(request: &Request) -> Option<DocumentedRequest> {
        let method = request.method().as_str().to_ascii_lowercase();
        let paths = DOCUMENT["paths"].as_object().expect("paths").iter();
        let fitting =
            paths.filter(|(path, methods)| methods.get(&method).is_some() && fits(path, request.url().path()));
        // A fixed path takes precedence over one with a variable.
        let (path, _) = fitting.min_by_key(|(path, _)| path.matches('{').count())?;
        let pointer = format!("/paths/{}/{method}", path.replace('~', "~0").replace('/', "~1"));
        let body = request.body().and_then(|body| serde_json::from_slice(body.as_bytes()?).ok());
        Some(DocumentedRequest { route: format!("{} {path}", request.method()), pointer, body })
    }

    /// Asserts that the document has the answer with its headers and every field, and that an accepted request fits its schema.
    pub fn assert_documented(&self, answer: &Answer) {
        let route = format!("{}, {}", self.route, answer.status);
        let responses = format!("{}/responses/{}", self.pointer, answer.status);
        let response = resolved(&responses).unwrap_or_else(|| panic!("{route} is not documented: {}", answer.text()));
        for header in HEADERS.iter().filter(|header| answer.headers.contains_key(**header)) {
            let documented = DOCUMENT.pointer(&response).expect("a response")["headers"].as_object().expect("headers");
            let is_documented = documented.keys().any(|name| name.eq_ignore_ascii_case(header));
            assert!(is_documented, "{route}: the header {header} is not documented");
        }
        let content = format!("{response}/content/application~1json");
        assert_valid(&route, &format!("{content}/schema"), &answer.json());
        if FIXED.contains(&answer.status) {
            let examples = DOCUMENT.pointer(&format!("{content}/examples")).and_then(Value::as_object);
            let mut told = examples.into_iter().flatten().map(|(_, example)| said(&example["value"]));
            let said = said(&answer.json());
            assert!(told.any(|told| told == said), "{route}: this message is not documented: {}", answer.text());
        }
        let taken = format!("{}/requestBody/content/application~1json/schema", self.pointer);
        if let Some(body) = self.body.as_ref().filter(|_| answer.status < 300 && DOCUMENT.pointer(&taken).is_some()) {
            let what = format!("{}, the request of a {}", self.route, answer.status);
            if !errors(&what, &taken, body).is_empty() {
                assert_valid(&what, &taken, &in_normal_form(body));
            }
        }
    }
}

/// A body as the document may describe it: white space around names and addresses is dropped, and lengths count in NFC.
fn in_normal_form(body: &Value) -> Value {
    match body {
        Value::String(text) => text.trim().nfc().collect::<String>().into(),
        Value::Array(items) => items.iter().map(in_normal_form).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), in_normal_form(value))).collect(),
        other => other.clone(),
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (parts, others) = (template.split('/'), path.split('/'));
    parts.clone().count() == others.clone().count()
        && parts.zip(others).all(|(part, other)| part == other || part.starts_with('{') && !other.is_empty())
}

/// The pointer itself, or the target of its `$ref`.
fn resolved(pointer: &str) -> Option<String> {
    match DOCUMENT.pointer(pointer)?["$ref"].as_str() {
        Some(reference) => Some(reference.trim_start_matches('#').to_owned()),
        None => Some(pointer.to_owned()),
    }
}

/// The message of an error, with every digit replaced by 0.
fn said(body: &Value) -> String {
    let words = [&body["error"], &body["message"], &body["message"][0]].into_iter().find_map(Value::as_str);
    words.unwrap_or_default().replace(|c: char| c.is_ascii_digit(), "0")
}

fn assert_valid(what: &str, pointer: &str, body: &Value) {
    let errors = errors(what, pointer, body);
    assert!(errors.is_empty(), "{what} is not as documented at {pointer}: {}\n{body}", errors.join("; "));
}

fn errors(what: &str, pointer: &str, body: &Value) -> Vec<String> {
    let schema = resolved(pointer).unwrap_or_else(|| panic!("{what} has no schema"));
    let known = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner).get(&schema).cloned();
    let validator = known.unwrap_or_else(|| {
        let fragment = schema.replace('{', "%7B").replace('}', "%7D");
        let reference = json!({ "$ref": format!("{ADDRESS}#{fragment}") });
        let made = Arc::new(jsonschema::options().with_registry(&REGISTRY).build(&reference).expect("a schema"));
        VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner).insert(schema.clone(), made.clone());
        made
    });
    validator.iter_errors(body).map(|error| format!("at {:?}: {error}", error.instance_path().to_string())).collect()
}
