//! An example of each answer, put together from those of its fields.

use serde_json::{Map, Value};

/// What `schema` may look like. Every field says so itself, or has only one way.
pub fn example(schema: &Value, named: &Map<String, Value>) -> Value {
    if let Some(example) = schema["examples"].get(0).or_else(|| schema.get("const")) {
        return example.clone();
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return example(&named[name], named);
    }
    if let Some(first) = ["enum", "oneOf"].iter().find_map(|list| schema[*list].get(0)) {
        return if schema.get("enum").is_some() { first.clone() } else { example(first, named) };
    }
    // Of what may be null, the type comes first.
    match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields.map(|(name, field)| (name.clone(), example(field, named))).collect()
        }
        Some("array") => Value::Array(vec![example(&schema["items"], named)]),
        Some("boolean") => Value::Bool(true),
        Some("integer") => Value::from(1),
        _ => panic!("there is no example of {schema}"),
    }
}
