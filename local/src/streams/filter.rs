//! Which records of a stream a function wants: Lambda's filter patterns.
//!
//! Lambda documents them as a part of EventBridge's. What is not known here is refused, never ignored: a filter that
//! says less than it was meant to would look as if it worked.

use crate::Error;
use serde_json::{Map, Value};

/// The patterns of a function's `FilterCriteria`. Whoever has none wants everything.
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
    IsIgnoringCase(String),
    StartsWith(String),
    EndsWith(String),
    Exists(bool),
    IsNot(Vec<Value>),
    Not(Box<Test>),
    Compares(Vec<(Comparison, f64)>),
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Filter {
    /// A filter of patterns as the template has them: JSON in texts.
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

    /// Whether one of the patterns matches, or there is none.
    pub fn wants(&self, record: &Value) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(Some(record)))
    }
}

impl Pattern {
    fn parse(pattern: &Value) -> Result<Self, String> {
        match pattern {
            Value::Object(fields) => Self::fields(fields),
            Value::Array(tests) if tests.is_empty() => Err("an empty list matches nothing".into()),
            Value::Array(tests) => Ok(Self::Value(tests.iter().map(Test::parse).collect::<Result<_, _>>()?)),
            scalar => Err(format!("{scalar} must stand in a list")),
        }
    }

    fn fields(fields: &Map<String, Value>) -> Result<Self, String> {
        if fields.is_empty() {
            return Err("an empty object says nothing".into());
        }
        let parse = |(name, pattern): (&String, &Value)| match name.as_str() {
            "$or" => Err("the local stack doesn't know $or".into()),
            _ => Ok((name.clone(), Self::parse(pattern)?)),
        };
        Ok(Self::Fields(fields.iter().map(parse).collect::<Result<_, String>>()?))
    }

    fn matches(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            // Objects in a list: one of them has to match.
            (Self::Fields(_), Some(Value::Array(items))) if items.iter().any(Value::is_object) => {
                items.iter().any(|item| self.matches(Some(item)))
            }
            (Self::Fields(fields), found) => {
                fields.iter().all(|(name, pattern)| pattern.matches(found.and_then(|found| found.get(name))))
            }
            (Self::Value(tests), found) => {
                let mut values = Vec::new();
                found.into_iter().for_each(|found| collect(found, &mut values));
                tests.iter().any(|test| test.holds(&values))
            }
        }
    }
}

/// The values that tests are about: scalars, and those in lists.
fn collect<'v>(found: &'v Value, values: &mut Vec<&'v Value>) {
    match found {
        Value::Array(items) => items.iter().for_each(|item| collect(item, values)),
        Value::Object(_) => {} // a field with fields of its own has no value
        scalar => values.push(scalar),
    }
}

impl Test {
    fn parse(test: &Value) -> Result<Self, String> {
        let Value::Object(test) = test else { return scalar(test).map(Self::Is) };
        let mut entries = test.iter();
        let (Some((operator, operand)), None) = (entries.next(), entries.next()) else {
            return Err("a test is an object with one operator".into());
        };
        let unknown = || format!("the local stack doesn't know the test {{{operator:?}:{operand}}}");
        Ok(match (operator.as_str(), operand) {
            ("prefix", Value::String(start)) => Self::StartsWith(start.clone()),
            ("suffix", Value::String(end)) => Self::EndsWith(end.clone()),
            ("equals-ignore-case", Value::String(text)) => Self::IsIgnoringCase(text.to_lowercase()),
            ("exists", Value::Bool(exists)) => Self::Exists(*exists),
            ("anything-but", Value::Array(values)) if !values.is_empty() => {
                Self::IsNot(values.iter().map(scalar).collect::<Result<_, _>>()?)
            }
            ("anything-but", Value::Object(inner)) if inner.contains_key("prefix") || inner.contains_key("suffix") => {
                Self::Not(Box::new(Self::parse(operand)?))
            }
            ("anything-but", Value::String(_) | Value::Number(_)) => Self::IsNot(vec![operand.clone()]),
            ("numeric", Value::Array(terms)) if !terms.is_empty() && terms.len() % 2 == 0 => {
                let term = |term: &[Value]| Some((Comparison::parse(term[0].as_str()?)?, term[1].as_f64()?));
                Self::Compares(terms.chunks(2).map(term).collect::<Option<_>>().ok_or_else(unknown)?)
            }
            _ => return Err(unknown()),
        })
    }

    /// Whether the test holds for one of the values of a field, which may have none.
    fn holds(&self, values: &[&Value]) -> bool {
        match self {
            Self::Exists(exists) => *exists != values.is_empty(),
            test => values.iter().any(|value| test.holds_for(value)),
        }
    }

    fn holds_for(&self, value: &Value) -> bool {
        let text = |test: &dyn Fn(&str) -> bool| value.as_str().is_some_and(test);
        match self {
            Self::Is(wanted) => value == wanted,
            Self::IsIgnoringCase(wanted) => text(&|text| text.to_lowercase() == *wanted),
            Self::StartsWith(start) => text(&|text| text.starts_with(start)),
            Self::EndsWith(end) => text(&|text| text.ends_with(end)),
            Self::Exists(exists) => *exists,
            Self::IsNot(unwanted) => !unwanted.contains(value),
            Self::Not(test) => !test.holds_for(value),
            Self::Compares(terms) => {
                value.as_f64().is_some_and(|value| terms.iter().all(|(is, bound)| is.holds(value, *bound)))
            }
        }
    }
}

impl Comparison {
    fn parse(operator: &str) -> Option<Self> {
        Some(match operator {
            "=" => Self::Equal,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::More,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Equal => value == bound,
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
            Self::More => value > bound,
            Self::AtLeast => value >= bound,
        }
    }
}

fn scalar(value: &Value) -> Result<Value, String> {
    match value {
        Value::Array(_) | Value::Object(_) => Err(format!("{value} is no text, number, boolean or null")),
        scalar => Ok(scalar.clone()),
    }
}

#[cfg(test)]
mod tests;
