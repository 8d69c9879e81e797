//! Schemas of bodies, as they are derived from the types in shared/.

use std::any::type_name;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A schema, with the named ones that it refers to.
#[derive(Clone, Default)]
pub struct Shape {
    pub schema: Value,
    pub named: Map<String, Value>,
}

const REFERENCE: &str = "#/components/schemas/";

impl Shape {
    /// The schema of a request.
    pub fn of<T: ToSchema>() -> Self {
        let (top, mut all) = (T::name().into_owned(), vec![(T::name().into_owned(), T::schema())]);
        T::schemas(&mut all);
        let all = by_name(all.into_iter().map(|(name, schema)| (name, json!(schema))));
        let reference = json!({ "$ref": format!("{REFERENCE}{}", named(&top)) });
        // An envelope has no name of its own: what is in it differs.
        let is_generic = type_name::<T>().contains('<');
        let mut schema = if is_generic { all[named(&top)].clone() } else { reference };
        let mut used = Map::new();
        tidy(&mut schema, &all, &mut used);
        Self { schema, named: used }
    }

    /// The schema of an answer. It has no other fields than those of `T`, and it has all of them. Only an optional field that is never
    /// null may be absent.
    pub fn answer<T: ToSchema>() -> Self {
        let mut shape = Self::of::<T>();
        close(&mut shape.schema);
        shape.named.values_mut().for_each(close);
        shape
    }
}

/// Two types must not have one name.
fn by_name(schemas: impl Iterator<Item = (String, Value)>) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, schema) in schemas {
        let earlier = all.insert(named(&name).to_owned(), schema.clone());
        assert!(earlier.is_none_or(|earlier| earlier == schema), "two types are called {}", named(&name));
    }
    all
}

/// The name of a type in the document.
fn named(name: &str) -> &str {
    name.strip_suffix("Body").unwrap_or(name)
}

/// Makes a derived schema one of the document. Names lose their `Body`. Constants stand in their field. Objects that serde flattens
/// into one become one. `used` collects the schemas that this one refers to.
fn tidy(schema: &mut Value, all: &Map<String, Value>, used: &mut Map<String, Value>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(REFERENCE)).map(named) {
        let referred = &all[name];
        if let Some([only]) = referred["enum"].as_array().map(Vec::as_slice) {
            let mut constant = json!({ "type": referred["type"], "const": only });
            if let Some(description) = schema.get("description") {
                constant["description"] = description.clone();
            }
            *schema = constant;
            return;
        }
        let name = name.to_owned();
        if !used.contains_key(&name) {
            used.insert(name.clone(), Value::Null);
            let mut referred = referred.clone();
            tidy(&mut referred, all, used);
            used.insert(name.clone(), referred);
        }
        schema["$ref"] = json!(format!("{REFERENCE}{name}"));
        return;
    }
    if schema["type"] == "integer" || schema["type"][0] == "integer" {
        schema.as_object_mut().expect("a schema").remove("format");
    }
    if let Some(parts) = schema["allOf"].as_array().cloned() {
        *schema = flattened(schema, &parts, all);
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(|value| tidy(value, all, used)),
        Value::Array(items) => items.iter_mut().for_each(|item| tidy(item, all, used)),
        _ => {}
    }
}

/// One object with the fields of all `parts`.
fn flattened(whole: &Value, parts: &[Value], all: &Map<String, Value>) -> Value {
    let mut one = json!({ "type": "object" });
    if let Some(description) = whole.get("description") {
        one["description"] = description.clone();
    }
    one["required"] = json!([]);
    for part in parts {
        let reference = part["$ref"].as_str().and_then(|reference| reference.strip_prefix(REFERENCE)).map(named);
        let part = reference.map_or(part, |name| &all[name]);
        let required = part["required"].as_array().into_iter().flatten().cloned();
        one["required"].as_array_mut().expect("a list").extend(required);
        for (name, field) in part["properties"].as_object().into_iter().flatten() {
            one["properties"][name] = field.clone();
        }
    }
    one
}

fn may_be_null(field: &Value) -> bool {
    let is_null = |one: &Value| one == "null" || one["type"] == "null";
    ["type", "oneOf", "anyOf"].iter().any(|list| field[*list].as_array().is_some_and(|ways| ways.iter().any(is_null)))
}

fn close(schema: &mut Value) {
    if schema["type"] == "object" {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let fields = schema["properties"].as_object().into_iter().flatten();
        let always = fields.filter(|(name, field)| required.contains(&json!(name)) || may_be_null(field));
        let always: Vec<_> = always.map(|(name, _)| name.clone()).collect();
        if !always.is_empty() {
            schema["required"] = json!(always);
        }
        schema["additionalProperties"] = json!(false);
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(close),
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
