//! JSON bodies: bounded before they are parsed, and refused in words that name the field.

use std::borrow::Cow;

use data_url::mime::Mime;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Problem, Request};
use crate::types::{Object, Respelled, fields_of, respelled};

const MAX_BODY: usize = 64 * 1024;

const MALFORMED: &str = "The body is not valid JSON";

impl Request {
    /// The body as a `T`, with the field that is wrong in the message when it is none.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parse(self.json_text()?.as_ref()).map_err(Problem::bad_request)
    }

    /// The same for a body that must have all of `fields`, with one message for whichever is missing, null or empty.
    pub fn json_with<T: DeserializeOwned>(
        &self,
        fields: &[&'static str],
        otherwise: &'static str,
    ) -> Result<T, Problem> {
        let text = self.json_text()?;
        let given: Value = serde_json::from_str(&text).unwrap_or_default();
        let is_absent = |field: &str| given[field].is_null() || given[field] == "";
        let is_respelled = |given: &Map<String, Value>| given.keys().any(|name| respelled(fields, name).is_some());
        let is_complete = || !fields.iter().any(|field| is_absent(field));
        if given.as_object().is_some_and(|given| !is_respelled(given)) && !is_complete() {
            return Err(Problem::bad_request(otherwise));
        }
        parse(&text).map_err(Problem::bad_request)
    }

    fn json_text(&self) -> Result<Cow<'_, str>, Problem> {
        match self.media_type() {
            Some(media_type) if media_type.matches("application", "json") && is_in_utf_8(&media_type) => {}
            _ => return Err(Problem::not_json()),
        }
        // Base64 may round up by two bytes: the exact length decides below.
        if self.body_length() > MAX_BODY + 2 {
            return Err(Problem::json_too_large());
        }
        let body = self.body()?;
        if body.len() > MAX_BODY {
            return Err(Problem::json_too_large());
        }
        let invalid = |_| Problem::bad_request("The body is not valid UTF-8");
        Ok(match body {
            Cow::Borrowed(bytes) => Cow::Borrowed(without_mark(std::str::from_utf8(bytes).map_err(invalid)?)),
            Cow::Owned(bytes) => Cow::Owned(without_mark(std::str::from_utf8(&bytes).map_err(invalid)?).to_owned()),
        })
    }
}

/// Programs on Windows begin JSON with a byte order mark, which a reader may pass over (RFC 8259, section 8.1).
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Whether the charset is UTF-8, by either of its usual names, or left out.
fn is_in_utf_8(media_type: &Mime) -> bool {
    let is_utf_8 = |charset: &str| ["utf-8", "utf8"].iter().any(|name| charset.trim().eq_ignore_ascii_case(name));
    media_type.get_parameter("charset").is_none_or(is_utf_8)
}

impl Problem {
    pub fn not_json() -> Self {
        Self::wrong_type("Content-Type must be application/json")
    }

    pub fn json_too_large() -> Self {
        Self::too_large("The body must not be larger than 64 KiB")
    }

    pub fn malformed_json() -> Self {
        Self::bad_request(MALFORMED)
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    // First as any JSON: serde_json stops at 128 levels there, also within fields that nobody asked for.
    let value: Value = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    if !value.is_object() {
        return Err("The body must be a JSON object".to_owned());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map(|Object(body)| body).map_err(|error| {
        let message = explain(&error.path().to_string(), &error.inner().to_string());
        missing_beside::<T>(&value, &message).unwrap_or(message)
    })
}

/// The required field that a body lacks beside the one that is spelled otherwise. It says more to tell that.
fn missing_beside<T: DeserializeOwned>(body: &Value, message: &str) -> Option<String> {
    if !is_about_spelling(message) {
        return None;
    }
    let fields = body.as_object()?.iter().filter(|(name, _)| respelled(fields_of::<T>(), name).is_none());
    let mut rest: Map<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    // A body that takes no other fields is told of the unknown one.
    rest.insert(String::new(), Value::Null);
    let error = serde_path_to_error::deserialize::<_, Object<T>>(Value::from(rest)).err()?;
    let inner = error.inner().to_string();
    inner.starts_with("missing field").then(|| explain("", &inner))
}

fn is_about_spelling(message: &str) -> bool {
    message.contains(Respelled::VERB) || message.ends_with(Respelled::UNKNOWN)
}

/// A number such as `1e999` is valid JSON, but no double holds it.
fn malformed(error: &serde_json::Error) -> &'static str {
    if error.to_string().starts_with("number out of range") {
        "The body has a number that is too large"
    } else {
        MALFORMED
    }
}

/// Serde's words for a person: `title is required`, `title must be text`, `title must be 1 to 100 characters`.
fn explain(path: &str, message: &str) -> String {
    let message = message.rfind(" at line ").map_or(message, |end| &message[..end]);
    let quoted = || message.split('`').nth(1).unwrap_or_default();
    if is_about_spelling(message) {
        message.to_owned()
    } else if message.starts_with("missing field") {
        format!("{} is required", quoted())
    } else if message.starts_with("duplicate field") {
        format!("{} must be given once", quoted())
    } else if message.starts_with("unknown field") {
        format!("{} is not a known field", quoted())
    } else if message.starts_with("invalid type") || message.starts_with("invalid value") {
        let expected = message.rsplit_once("expected ").map_or("something else", |(_, expected)| expected);
        let expected = match expected {
            "a boolean" => "true or false",
            "a string" => "text",
            "a sequence" => "a list",
            expected => expected,
        };
        format!("{path} must be {expected}")
    } else if message.get(..path.len()).is_some_and(|start| start.eq_ignore_ascii_case(path)) {
        message.to_owned()
    } else {
        format!("{path} {message}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::types::{MaxMessages, Patch, Timestamp, Title};

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[allow(dead_code)] // read by the tests through its errors only
    struct Body {
        title: Title,
        is_active: Option<bool>,
        #[serde(default)]
        max_messages: Patch<MaxMessages>,
        expires_at: Option<Timestamp>,
        inner: Option<Object<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)] // as above
    struct Inner {
        is_done: bool,
    }

    #[test]
    fn every_mistake_is_named() {
        for (text, message) in [
            ("", "The body is not valid JSON"),
            ("{", "The body is not valid JSON"),
            ("{} {}", "The body is not valid JSON"),
            (r#"{"title":"x"} x"#, "The body is not valid JSON"),
            (r#"{"title":"\ud800"}"#, "The body is not valid JSON"),
            ("[]", "The body must be a JSON object"),
            ("null", "The body must be a JSON object"),
            ("{}", "title is required"),
            (r#"{"title":5}"#, "title must be text"),
            (r#"{"title":null}"#, "title must be text"),
            (r#"{"title":["x"]}"#, "title must be text"),
            (r#"{"title":""}"#, "title must be 1 to 100 characters"),
            (r#"{"title":" "}"#, "title must not be blank"),
            (r#"{"title":"x","title":"y"}"#, "title must be given once"),
            (r#"{"title":"x","isActive":"yes at line 5"}"#, "isActive must be true or false"),
            (r#"{"title":"x","maxMessages":0}"#, "maxMessages must be a whole number from 1 to 1000000"),
            (r#"{"title":"x","maxMessages":"5"}"#, "maxMessages must be a whole number from 1 to 1000000"),
            (r#"{"title":"x","maxMessages":1.5}"#, "maxMessages must be a whole number from 1 to 1000000"),
            (r#"{"title":"x","maxMessages":1e300}"#, "maxMessages must be a whole number from 1 to 1000000"),
            (r#"{"title":"x","maxMessages":1e999}"#, "The body has a number that is too large"),
            (r#"{"title":"x","expiresAt":7}"#, "expiresAt must be a time such as 2026-02-06T12:37:51.523Z"),
            (r#"{"title":"x","expiresAt":"7"}"#, "expiresAt must be a time such as 2026-02-06T12:37:51.523Z"),
            (r#"{"title":"x","colour":"y"}"#, "colour is not a known field"),
            (r#"{"title":"x","expires_at":null}"#, "expires_at is not known: it is spelled expiresAt"),
            (r#"{"Title":"x","title":"y"}"#, "Title is not a known field"),
            (r#"{"title":"x","inner":{"isdone":true}}"#, "isdone is not known: it is spelled isDone"),
            (r#"{"title":"x","inner":[true]}"#, "inner must be an object"),
        ] {
            assert_eq!(parse::<Body>(text).err().as_deref(), Some(message), "{text}");
        }
        let deep = format!("{{\"title\":\"x\",\"more\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        assert_eq!(parse::<Body>(&deep).err().as_deref(), Some("The body is not valid JSON"));
    }

    #[test]
    fn null_is_told_from_nothing() {
        assert_eq!(parse::<Body>(r#"{"title":"x"}"#).unwrap().max_messages, Patch::Keep);
        assert_eq!(parse::<Body>(r#"{"title":"x","maxMessages":null}"#).unwrap().max_messages, Patch::Clear);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser_or_shows_a_rust_type(text in any::<String>()) {
            if let Err(message) = parse::<Body>(&text) {
                prop_assert!(!message.contains("struct") && !message.contains("::"));
            }
        }
    }
}
