//! The tables of API.md, made of the document.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::document;

/// API.md with its tables as they should be. A table stands between `<!-- table: NAME OF A FAMILY -->` and `<!-- end of table -->`.
pub fn filled_in(text: &str) -> String {
    let document = document();
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("<!-- table: ") {
        let (family, after) = after.split_once(" -->").expect("a marker of a table ends with -->");
        let (_, after) = after.split_once("<!-- end of table -->").expect("a table ends with <!-- end of table -->");
        write!(filled, "{before}<!-- table: {family} -->\n\n{}\n<!-- end of table -->", table(&document, family))
            .expect("a text");
        rest = after;
    }
    filled + rest
}

fn table(document: &Value, family: &str) -> String {
    let mut table = "| endpoint | what it does | takes | answers |\n| --- | --- | --- | --- |\n".to_owned();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            if operation["tags"][0] != family {
                continue;
            }
            let method = method.to_ascii_uppercase();
            let (summary, takes) = (operation["summary"].as_str().unwrap_or_default(), takes(document, operation));
            writeln!(table, "| `{method} {path}` | {summary} | {takes} | {} |", answers(document, operation))
                .expect("a text");
        }
    }
    assert!(table.lines().count() > 2, "no family is called {family}");
    table
}

/// Fields of the body and the query; `?` follows those that may be left out.
fn takes(document: &Value, operation: &Value) -> String {
    let mut takes = Vec::new();
    let content = operation["requestBody"]["content"].as_object().into_iter().flatten();
    for (content_type, body) in content {
        let schema = resolved(document, &body["schema"]);
        let fields = schema["properties"].as_object().map(|fields| shown(fields, schema, |_, name| name.to_owned()));
        match (content_type.as_str(), fields) {
            ("application/json", Some(fields)) => takes.push(format!("`{fields}`")),
            (form, Some(fields)) => takes.push(format!("{form} `{fields}`")),
            (_, None) => takes.push("anything".to_owned()),
        }
    }
    let queries = operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query");
    takes.extend(queries.map(|query| {
        let optional = if query["required"] == true { "" } else { "?" };
        format!("`?{}=`{optional}", query["name"].as_str().unwrap_or_default())
    }));
    takes.join(", ")
}

/// Each success with its fields, and the failures that are not any request's.
fn answers(document: &Value, operation: &Value) -> String {
    let mut answers = Vec::new();
    for (status, answer) in operation["responses"].as_object().expect("answers") {
        let answer = resolved(document, answer);
        let description = answer["description"].as_str().unwrap_or_default();
        if status.starts_with('2') {
            let schema = &answer["content"]["application/json"]["schema"];
            let fields = example(document, schema);
            let page = answer["content"].get("text/html").map(|_| "a page".to_owned());
            let all: Vec<_> = fields.into_iter().chain(page).collect();
            answers.push(format!("{status} {}", all.join(" or ")));
        } else if status == "429" {
            let (_, limits) = description.split_once(". ").unwrap_or(("", description));
            answers.push(format!("429 {limits}"));
        } else if let messages @ [_, ..] = own_messages(description).as_slice() {
            answers.push(format!("{status} {}", messages.join(", ")));
        }
    }
    answers.join("; ")
}

/// What `schema` is an object of: the names of its fields, and of theirs.
fn example(document: &Value, schema: &Value) -> Option<String> {
    let schema = resolved(document, schema);
    if let Some(first) = schema["oneOf"].get(0) {
        return example(document, first);
    }
    let fields = schema["properties"].as_object()?;
    let field = |value: &Value, name: &str| {
        let value = resolved(document, value);
        let inner = match value["type"].as_str() {
            Some("object") => example(document, value),
            Some("array") => example(document, &value["items"]).map(|item| format!("[{item}]")),
            _ => None,
        };
        inner.map_or_else(|| name.to_owned(), |inner| format!("{name}:{inner}"))
    };
    Some(format!("`{}`", shown(fields, schema, field).replace('`', "")))
}

fn shown(fields: &Map<String, Value>, schema: &Value, shown: impl Fn(&Value, &str) -> String) -> String {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields = fields.iter().map(|(name, value)| {
        let optional = if required.iter().any(|one| one == name) { "" } else { "?" };
        format!("{}{optional}", shown(value, name))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// Failures that any request may meet say nothing of an endpoint.
fn own_messages(description: &str) -> Vec<String> {
    const ANY: [&str; 15] = [
        "Bad Request",
        "Not Authenticated",
        "This account is suspended",
        "This request comes from",
        "This device is not trusted",
        "The body",
        "Content-Type must be",
        "Idempotency-Key",
        "This Idempotency-Key",
        "Something went wrong",
        "Internal server error",
        "Please try again",
        "cursor",
        "limit must be",
        "Requests with a cookie",
    ];
    let is_any = |message: &str| message.ends_with(" is required") || ANY.iter().any(|any| message.starts_with(any));
    let is_own = |message: &&str| !message.is_empty() && !is_any(message);
    description.split(" / ").filter(is_own).map(|message| format!("`{message}`")).collect()
}

/// The schema or the answer itself, where it has a name.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let reference = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}
