//! The template's parameters, and what a laptop says where a deployer would.

use crate::template::Deployment;
use crate::{Error, intrinsics};
use serde::Deserialize;
use serde_yaml_ng::Value;
use std::collections::HashMap;

/// A parameter as the template declares it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parameter {
    r#type: String,
    default: Option<Value>,
}

/// The value of each declared parameter; a list for list types.
pub fn values(declared: &HashMap<String, Parameter>, deployment: &Deployment) -> Result<HashMap<String, Value>, Error> {
    if let Some(unknown) = deployment.parameters.keys().find(|name| !declared.contains_key(*name)) {
        return Err(Error::new(format!("the template has no parameter {unknown}")));
    }
    let value = |(name, parameter): (&String, &Parameter)| {
        let value = parameter.value(name, deployment).map_err(|error| error.within(format!("parameter {name}")))?;
        Ok((name.clone(), value))
    };
    declared.iter().map(value).collect()
}

impl Parameter {
    fn value(&self, name: &str, deployment: &Deployment) -> Result<Value, Error> {
        let text = match (deployment.parameters.get(name), name, &self.default) {
            (Some(given), ..) => given.clone(),
            // Only the stack knows where it is reached, whatever the default is.
            (None, "PublicBaseUrl", _) => deployment.public_base_url.clone(),
            (None, _, Some(default)) => intrinsics::text(default)?,
            // Mail goes nowhere, so that it may come from anywhere.
            (None, "MailFrom", None) => "sotto@example.com".into(),
            (None, _, None) => {
                return Err(Error::new(format!("it has no default: give it a value, with --parameter {name}=...")));
            }
        };
        Ok(match self.r#type.as_str() {
            "CommaDelimitedList" | "List<Number>" => {
                text.split(',').map(|item| Value::String(item.trim().to_owned())).collect()
            }
            _ => Value::String(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secrets;

    fn valued(declared: &str, given: &[(&str, &str)]) -> Result<HashMap<String, Value>, Error> {
        let parameters = given.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let (name, authority, sqs_url) = ("local".into(), String::new(), String::new());
        let (public_base_url, secrets) = ("http://127.0.0.1:3000".into(), Secrets::new(None));
        let deployment = Deployment { name, authority, public_base_url, sqs_url, secrets, parameters };
        values(&serde_yaml_ng::from_str(declared).unwrap(), &deployment)
    }

    #[test]
    fn a_value_is_given_or_the_default_or_known_to_the_stack() {
        let declared =
            "{A: {Type: String, Default: a}, B: {Type: String}, L: {Type: CommaDelimitedList, Default: 'x, y'},
            MailFrom: {Type: String}, PublicBaseUrl: {Type: String, Default: ''}}";
        let values = valued(declared, &[("B", ""), ("A", "own")]).unwrap();
        assert_eq!((&values["A"], &values["B"]), (&"own".into(), &"".into()));
        assert_eq!(values["L"], serde_yaml_ng::from_str::<Value>("[x, y]").unwrap());
        assert_eq!(values["MailFrom"], "sotto@example.com");
        assert_eq!(values["PublicBaseUrl"], "http://127.0.0.1:3000");
        assert_eq!(
            valued("{MailFrom: {Type: String}}", &[("MailFrom", "me@a.test")]).unwrap()["MailFrom"],
            "me@a.test"
        );
    }

    #[test]
    fn what_nobody_gives_a_value_and_what_is_not_declared_stops_the_start() {
        let missing = valued("{P: {Type: String}}", &[]).unwrap_err().to_string();
        assert_eq!(missing, "parameter P: it has no default: give it a value, with --parameter P=...");
        let unknown = valued("{P: {Type: String}}", &[("P", "1"), ("Q", "2")]).unwrap_err().to_string();
        assert_eq!(unknown, "the template has no parameter Q");
    }
}
