//! CloudFormation's intrinsic functions, evaluated on a template's YAML.
//!
//! Evaluation is lazy: only the values that the local stack needs are evaluated. So a template may contain functions that
//! this module doesn't know, as long as the local stack doesn't need their values.

use crate::Error;
use serde_yaml_ng::{Mapping, Value};
use std::collections::HashMap;

/// The names that a template's expressions may refer to.
#[derive(Default)]
pub struct Scope {
    /// Values of parameters; a list for list types.
    pub parameters: HashMap<String, Value>,
    /// The expressions under `Conditions`.
    pub conditions: HashMap<String, Value>,
    /// Values of `Ref` (`Table`), of `GetAtt` (`Table.Arn`) and of pseudo parameters (`AWS::Region`).
    pub names: HashMap<String, String>,
}

impl Scope {
    /// `value` with every intrinsic function in it evaluated; null when it is `AWS::NoValue`.
    pub fn resolve(&self, value: &Value) -> Result<Value, Error> {
        Ok(self.evaluate(value)?.unwrap_or(Value::Null))
    }

    /// Whether the condition `name` holds.
    pub fn holds(&self, name: &str) -> Result<bool, Error> {
        let condition = self.conditions.get(name).ok_or_else(|| Error::new(format!("there is no condition {name}")))?;
        self.test(condition).map_err(|error| error.within(format!("condition {name}")))
    }

    /// `None` stands for `AWS::NoValue`: the entry or item with this value is left out.
    fn evaluate(&self, value: &Value) -> Result<Option<Value>, Error> {
        if let Some((function, argument)) = intrinsic(value) {
            return self.call(&function, argument);
        }
        Ok(Some(match value {
            Value::Sequence(items) => {
                let items = items.iter().map(|item| self.evaluate(item)).filter_map(Result::transpose);
                Value::Sequence(items.collect::<Result<_, _>>()?)
            }
            Value::Mapping(entries) => {
                let mut resolved = Mapping::new();
                for (key, value) in entries {
                    if let Some(value) = self.evaluate(value)? {
                        resolved.insert(key.clone(), value);
                    }
                }
                Value::Mapping(resolved)
            }
            scalar => scalar.clone(),
        }))
    }

    fn call(&self, function: &str, argument: &Value) -> Result<Option<Value>, Error> {
        Ok(Some(match function {
            "Ref" => return self.reference(&self.text(argument)?),
            "GetAtt" => Value::String(match argument {
                Value::Sequence(path) => self.name(&self.texts(path)?.join("."))?,
                dotted => self.name(&self.text(dotted)?)?,
            }),
            "Sub" => Value::String(self.substitute(argument)?),
            "Join" => match self.resolve(argument)?.as_sequence().map(Vec::as_slice) {
                Some([delimiter, Value::Sequence(items)]) => {
                    Value::String(self.texts(items)?.join(&self.text(delimiter)?))
                }
                _ => return Err(Error::new("Fn::Join takes a delimiter and a list")),
            },
            "If" => match argument.as_sequence().map(Vec::as_slice) {
                Some([condition, yes, no]) => {
                    return self.evaluate(if self.holds(&self.text(condition)?)? { yes } else { no });
                }
                _ => return Err(Error::new("Fn::If takes a condition and two values")),
            },
            unknown => return Err(Error::new(format!("the local stack doesn't know the function {unknown}"))),
        }))
    }

    fn reference(&self, name: &str) -> Result<Option<Value>, Error> {
        match self.parameters.get(name) {
            _ if name == "AWS::NoValue" => Ok(None),
            Some(value) => Ok(Some(value.clone())),
            None => self.name(name).map(Value::String).map(Some),
        }
    }

    fn name(&self, name: &str) -> Result<String, Error> {
        let unknown = || Error::new(format!("the local stack knows no value for {name}"));
        self.names.get(name).cloned().ok_or_else(unknown)
    }

    /// `Fn::Sub` of a text, or of a list of a text and a mapping of more names.
    fn substitute(&self, argument: &Value) -> Result<String, Error> {
        let none = Value::Mapping(Mapping::new());
        let (text, more) = match argument.as_sequence().map(Vec::as_slice) {
            Some([text, more]) => (text, more),
            Some(_) => return Err(Error::new("Fn::Sub takes a text, or a text and a mapping")),
            None => (argument, &none),
        };
        let text = text.as_str().ok_or_else(|| Error::new("Fn::Sub takes a text"))?;
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| Error::new(format!("a ${{ without }} in {text:?}")))?;
            result.push_str(before);
            match (name.strip_prefix('!'), more.get(name)) {
                (Some(literal), _) => result.push_str(&format!("${{{literal}}}")),
                (None, Some(value)) => result.push_str(&self.text(value)?),
                (None, None) => {
                    let value = self.reference(name)?.unwrap_or(Value::Null);
                    result.push_str(&self.text(&value)?);
                }
            }
            rest = after;
        }
        Ok(result + rest)
    }

    fn test(&self, condition: &Value) -> Result<bool, Error> {
        let (function, argument) = match (intrinsic(condition), condition.get("Condition")) {
            (Some(call), _) => call,
            (None, Some(name)) => ("Condition".into(), name),
            (None, None) => return Err(Error::new("a condition must be a condition function")),
        };
        let all = || argument.as_sequence().map(Vec::as_slice).unwrap_or_default();
        match (function.as_str(), all()) {
            ("Condition", _) => self.holds(&self.text(argument)?),
            ("Equals", [one, other]) => Ok(self.text(one)? == self.text(other)?),
            ("Not", [condition]) => Ok(!self.test(condition)?),
            _ => Err(Error::new(format!("the local stack doesn't know this use of {function}"))),
        }
    }

    fn texts(&self, values: &[Value]) -> Result<Vec<String>, Error> {
        values.iter().map(|value| self.text(value)).collect()
    }

    /// A value that must come out as one text, number or boolean.
    fn text(&self, value: &Value) -> Result<String, Error> {
        text(&self.resolve(value)?)
    }
}

/// A resolved scalar, as CloudFormation writes it into a text.
pub fn text(value: &Value) -> Result<String, Error> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(boolean) => Ok(boolean.to_string()),
        _ => Err(Error::new("a text was expected in place of a list, a mapping or nothing")),
    }
}

/// The function and argument of `!Function argument` or `{Fn::Function: argument}`.
fn intrinsic(value: &Value) -> Option<(String, &Value)> {
    match value {
        Value::Tagged(tagged) => Some((tagged.tag.to_string().trim_start_matches('!').to_owned(), &tagged.value)),
        Value::Mapping(entries) if entries.len() == 1 => {
            let (key, argument) = entries.iter().next()?;
            match key.as_str()? {
                "Ref" => Some(("Ref".into(), argument)),
                key => Some((key.strip_prefix("Fn::")?.into(), argument)),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let yaml = |text: &str| serde_yaml_ng::from_str::<Value>(text).unwrap();
        Scope {
            parameters: HashMap::from([
                ("Stage".into(), yaml("prod")),
                ("Empty".into(), yaml("''")),
                ("Origins".into(), yaml("[a, b]")),
            ]),
            conditions: HashMap::from([
                ("IsProd".into(), yaml("!Equals [!Ref Stage, prod]")),
                ("IsTest".into(), yaml("{'Fn::Not': [{Condition: IsProd}]}")),
            ]),
            names: HashMap::from([
                ("Table".into(), "the-table".into()),
                ("Table.Arn".into(), "arn:table".into()),
                ("AWS::Region".into(), "us-east-1".into()),
            ]),
        }
    }

    fn resolved(yaml: &str) -> Value {
        scope().resolve(&serde_yaml_ng::from_str(yaml).unwrap()).unwrap()
    }

    fn refused(yaml: &str) -> String {
        scope().resolve(&serde_yaml_ng::from_str(yaml).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn a_ref_is_a_parameter_a_resource_or_a_pseudo_parameter() {
        assert_eq!(resolved("!Ref Stage"), "prod");
        assert_eq!(resolved("{Ref: Table}"), "the-table");
        assert_eq!(resolved("!Ref AWS::Region"), "us-east-1");
        assert_eq!(resolved("!Ref Origins"), serde_yaml_ng::from_str::<Value>("[a, b]").unwrap());
    }

    #[test]
    fn get_att_takes_dots_or_a_list() {
        assert_eq!(resolved("!GetAtt Table.Arn"), "arn:table");
        assert_eq!(resolved("!GetAtt [Table, Arn]"), "arn:table");
        assert_eq!(resolved("{'Fn::GetAtt': [Table, Arn]}"), "arn:table");
    }

    #[test]
    fn sub_takes_a_text_or_a_text_with_names_of_its_own() {
        assert_eq!(resolved("!Sub '${Stage}/${Table.Arn}/*'"), "prod/arn:table/*");
        assert_eq!(resolved("!Sub ['${Mine}-${Stage}', {Mine: !Ref Table}]"), "the-table-prod");
        assert_eq!(resolved("!Sub '${!Literal} {{resolve:x:${Table}}}'"), "${Literal} {{resolve:x:the-table}}");
    }

    #[test]
    fn join_and_if_nest() {
        assert_eq!(resolved("!Join ['-', [a, !Ref Stage, !If [IsProd, yes, no]]]"), "a-prod-yes");
        assert_eq!(resolved("!Join [',', !Ref Origins]"), "a,b");
        assert_eq!(resolved("{'Fn::Join': [',', {Ref: Origins}]}"), "a,b");
        assert_eq!(resolved("!If [IsTest, 1, !If [IsProd, 2, 3]]"), 2);
    }

    #[test]
    fn an_entry_without_a_value_is_left_out() {
        assert_eq!(
            resolved("{a: !If [IsTest, 1, !Ref AWS::NoValue], b: [1, !Ref AWS::NoValue]}"),
            resolved("{b: [1]}")
        );
    }

    #[test]
    fn an_error_names_the_unknown_part() {
        assert!(refused("{a: [!GetAtt Queue.Arn]}").contains("Queue.Arn"));
        assert!(refused("!Sub '${Nope}'").contains("Nope"));
        assert!(refused("{'Fn::ImportValue': x}").contains("ImportValue"));
        assert!(refused("!If [Nope, 1, 2]").contains("Nope"));
    }
}
