//! Lambda's filter patterns: they select the records of a stream that a function gets.
//!
//! A pattern may have the operators that template.yaml needs: exact values, `prefix` and `exists`. Any other operator is
//! refused. If it were ignored, a function would silently get other records than in AWS.

use crate::Error;
use serde_json::{Map, Value};

/// The patterns of a function's `FilterCriteria`. Without patterns, every record matches.
#[derive(Clone, Debug, Default)]
pub struct Filter(Vec<Pattern>);

#[derive(Clone, Debug)]
enum Pattern {
    /// Every field must match.
    Fields(Vec<(String, Pattern)>),
    /// One of the tests must hold.
    Value(Vec<Test>),
}

#[derive(Clone, Debug)]
enum Test {
    Is(Value),
    StartsWith(String),
    Exists(bool),
}

impl Filter {
    /// Parses the template's patterns: JSON in strings.
    pub fn parse<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, Error> {
        let parse = |text: &str| {
            let parsed = serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
            let pattern = parsed.and_then(|pattern| match pattern {
                Value::Object(fields) => Pattern::fields(&fields),
                _ => Err("it must be an object".into()),
            });
            pattern.map_err(|why| Error::new(why).within(format!("the pattern {text}")))
        };
        Ok(Self(patterns.into_iter().map(parse).collect::<Result<_, _>>()?))
    }

    pub fn matches(&self, record: &Value) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(Some(record)))
    }
}

impl Pattern {
    fn parse(pattern: &Value) -> Result<Self, String> {
        match pattern {
            Value::Object(fields) => Self::fields(fields),
            Value::Array(tests) if tests.is_empty() => Err("an empty list matches nothing".into()),
            Value::Array(tests) => Ok(Self::Value(tests.iter().map(Test::parse).collect::<Result<_, _>>()?)),
            scalar => Err(format!("{scalar} must be in a list")),
        }
    }

    fn fields(fields: &Map<String, Value>) -> Result<Self, String> {
        if fields.is_empty() {
            return Err("an empty object matches nothing".into());
        }
        let parse = |(name, pattern): (&String, &Value)| match name.as_str() {
            "$or" => Err("the local stack doesn't know $or".into()),
            _ => Ok((name.clone(), Self::parse(pattern)?)),
        };
        Ok(Self::Fields(fields.iter().map(parse).collect::<Result<_, String>>()?))
    }

    fn matches(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            // One object of a list is enough.
            (Self::Fields(_), Some(Value::Array(items))) => items.iter().any(|item| self.matches(Some(item))),
            (Self::Fields(fields), found) => {
                fields.iter().all(|(name, pattern)| pattern.matches(found.and_then(|found| found.get(name))))
            }
            (Self::Value(tests), found) => {
                // An object is no value: its fields need patterns of their own.
                let value = found.filter(|found| !found.is_object());
                tests.iter().any(|test| test.holds(value))
            }
        }
    }
}

impl Test {
    fn parse(test: &Value) -> Result<Self, String> {
        let unknown = || format!("the local stack doesn't know the test {test}");
        match test {
            Value::Array(_) => Err(unknown()),
            Value::Object(test) if test.len() == 1 => match test.iter().next() {
                Some((operator, Value::String(start))) if operator == "prefix" => Ok(Self::StartsWith(start.clone())),
                Some((operator, Value::Bool(exists))) if operator == "exists" => Ok(Self::Exists(*exists)),
                _ => Err(unknown()),
            },
            Value::Object(_) => Err(unknown()),
            scalar => Ok(Self::Is(scalar.clone())),
        }
    }

    /// Whether the test holds for the value of a field. One element of a list is enough.
    fn holds(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(exists), value) => *exists == value.is_some(),
            (_, None) => false,
            (test, Some(Value::Array(items))) => items.iter().any(|item| test.holds(Some(item))),
            (Self::Is(wanted), Some(value)) => value == wanted,
            (Self::StartsWith(start), Some(value)) => value.as_str().is_some_and(|text| text.starts_with(start)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(pattern: Value, record: &Value) -> bool {
        Filter::parse([pattern.to_string().as_str()]).unwrap().matches(record)
    }

    #[test]
    fn exact_values_are_compared_with_their_type() {
        let is = |wanted: Value| matches(json!({"v": [wanted]}), &json!({"v": 300}));
        assert!(is(json!(300)));
        assert!(!is(json!("300")) && !is(json!(300.0)) && !is(json!(null)) && !is(json!(true)));
        assert!(matches(json!({"v": [null]}), &json!({"v": null})));
        assert!(!matches(json!({"v": [null]}), &json!({})));
        assert!(matches(json!({"v": [1, "two", true]}), &json!({"v": true})));
    }

    #[test]
    fn every_field_of_a_pattern_must_match() {
        let record = json!({
            "eventName": "INSERT",
            "dynamodb": {
                "Keys": {"pk": {"S": "ERASE#7"}},
                "NewImage": {"tags": {"SS": ["a", "b"]}, "list": {"L": [{"N": "1"}, {"S": "x"}]}, "none": {"NULL": true}},
            },
        });
        for (pattern, expected) in [
            (json!({"eventName": ["INSERT", "MODIFY"]}), true),
            (json!({"eventName": ["REMOVE"]}), false),
            (json!({"eventName": {"deeper": ["INSERT"]}}), false),
            (json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "ERASE#"}]}}}}), true),
            (json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "USER#"}]}}}}), false),
            (json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "ERASE#"}]}}}, "eventName": ["MODIFY"]}), false),
            (json!({"dynamodb": {"NewImage": {"tags": {"SS": ["b"]}}}}), true),
            (json!({"dynamodb": {"NewImage": {"list": {"L": {"S": ["x"]}}}}}), true),
            (json!({"dynamodb": {"NewImage": {"list": {"L": {"S": ["y"]}}}}}), false),
            (json!({"dynamodb": {"NewImage": {"none": {"NULL": [true]}}}}), true),
            (json!({"dynamodb": {"NewImage": {"none": {"S": [{"exists": false}]}}}}), true),
            (json!({"dynamodb": {"OldImage": {"none": {"S": [{"exists": false}]}}}}), true),
            (json!({"dynamodb": {"OldImage": {"none": {"S": [{"exists": true}]}}}}), false),
            (json!({"dynamodb": {"NewImage": [{"exists": true}]}}), false),
        ] {
            assert_eq!(matches(pattern.clone(), &record), expected, "{pattern}");
        }
    }

    #[test]
    fn one_of_several_patterns_is_enough_and_no_pattern_matches_everything() {
        let either = Filter::parse([r#"{"a": [1]}"#, r#"{"b": [{"prefix": "x"}]}"#]).unwrap();
        assert!(either.matches(&json!({"a": 1})) && either.matches(&json!({"b": "xy"})));
        assert!(!either.matches(&json!({"a": 2, "b": "y"})) && Filter::default().matches(&json!({})));
    }

    #[test]
    fn an_unknown_pattern_is_refused_by_name() {
        for (pattern, message) in [
            ("{", "the pattern {"),
            ("[]", "must be an object"),
            ("{}", "matches nothing"),
            (r#"{"a": "b"}"#, "must be in a list"),
            (r#"{"a": []}"#, "matches nothing"),
            (r#"{"a": [["b"]]}"#, r#"["b"]"#),
            (r#"{"a": [{"wildcard": "*"}]}"#, "wildcard"),
            (r#"{"a": [{"suffix": "b"}]}"#, "suffix"),
            (r#"{"a": [{"anything-but": ["b"]}]}"#, "anything-but"),
            (r#"{"a": [{"equals-ignore-case": "b"}]}"#, "equals-ignore-case"),
            (r#"{"a": [{"numeric": ["=", 1]}]}"#, "numeric"),
            (r#"{"a": [{"cidr": "10.0.0.0/8"}]}"#, "cidr"),
            (r#"{"a": [{"prefix": 1}]}"#, "prefix"),
            (r#"{"a": [{"exists": "yes"}]}"#, "exists"),
            (r#"{"a": [{"prefix": "a", "suffix": "b"}]}"#, "suffix"),
            (r#"{"$or": [{"a": [1]}, {"b": [1]}]}"#, "$or"),
        ] {
            let error = Filter::parse([pattern]).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
