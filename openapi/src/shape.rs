//! Schemas of bodies: those that are derived from structs, and what they are wrapped in.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A schema, with the named ones that it refers to.
#[derive(Clone, Default)]
pub struct Shape {
    pub schema: Value,
    pub named: Map<String, Value>,
}

impl Shape {
    pub fn of<T: ToSchema>() -> Self {
        let (name, mut all) = (T::name(), vec![(T::name().into_owned(), T::schema())]);
        T::schemas(&mut all);
        let named = all.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
        Self { schema: json!({ "$ref": format!("#/components/schemas/{name}") }), named }
    }

    /// An object of exactly these fields.
    pub fn object<const N: usize>(fields: [(&str, Shape); N]) -> Self {
        let required: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let mut shape = Self { schema: json!({ "type": "object", "required": required }), named: Map::new() };
        for (name, field) in fields {
            shape.schema["properties"][name] = field.schema;
            shape.named.extend(field.named);
        }
        shape.schema["additionalProperties"] = json!(false);
        shape
    }

    /// Exactly this text.
    pub fn text(text: &str) -> Self {
        Self { schema: json!({ "type": "string", "const": text }), named: Map::new() }
    }

    /// Exactly this truth value.
    pub fn truth(value: bool) -> Self {
        Self { schema: json!({ "type": "boolean", "const": value }), named: Map::new() }
    }

    pub fn one_of<const N: usize>(shapes: [Shape; N]) -> Self {
        let mut one = Self { schema: json!({ "oneOf": [] }), named: Map::new() };
        for Shape { schema, named } in shapes {
            one.schema["oneOf"].as_array_mut().expect("a list").push(schema);
            one.named.extend(named);
        }
        one
    }

    /// What accounts and inboxes say besides what they show.
    pub fn said<const N: usize>(message: &str, fields: [(&str, Shape); N]) -> Self {
        let said = Self::object([("success", Self::truth(true)), ("message", Self::text(message))]);
        said.and(Self::object(fields))
    }

    /// The fields of both.
    pub fn and(mut self, other: Shape) -> Self {
        let fields = other.schema["properties"].as_object().into_iter().flatten();
        fields.for_each(|(name, field)| self.schema["properties"][name] = field.clone());
        let required = other.schema["required"].as_array().cloned().unwrap_or_default();
        self.schema["required"].as_array_mut().expect("a list").extend(required);
        self.named.extend(other.named);
        self
    }
}
